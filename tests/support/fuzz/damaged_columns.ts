import type { RunWith } from "../damaged_rows.ts";
import type { Damaged } from "./damage.ts";

/** Damages a column of a row in SQLite. */
export function damagedColumns(run: RunWith, table: string): Damaged["damage"] {
  return async (key, draw) => {
    const hex = Array.from(draw.bytes(), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const text = `'${draw.text().replaceAll("'", "''")}'`;
    const column = draw.of(
      ...["value", "owner", "last", "how", "took", "failures"],
      ...["expires_at", "stale_for", "lease_until", "quiet_until", "kept_until"],
    );
    const isTime = column.endsWith("_at") || column.endsWith("_until");
    const number = isTime ? draw.end() : draw.of(-1, 0, 5, 1e300);
    const to = draw.of(text, `x'${hex}'`, `CAST(x'${hex}' AS TEXT)`, String(number), "NULL");
    await run(`UPDATE ${table} SET ${column} = ${to} WHERE key = ?`, key);
  };
}
