import type { RunWith } from "../damaged_rows.ts";
import type { Damaged } from "./damage.ts";

/** Damages a column of a row in SQLite. */
export function damagedColumns(run: RunWith, table: string): Damaged["damage"] {
  return async (key, draw) => {
    const hex = Array.from(draw.bytes(), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const text = `'${draw.text().replaceAll("'", "''")}'`;
    const column = draw.of("value", "owner", "last", "how", "expires_at");
    const number = column === "expires_at" ? draw.end() : draw.of(-1, 0, 5, 1e300);
    const to = draw.of(text, `x'${hex}'`, `CAST(x'${hex}' AS TEXT)`, String(number), "NULL");
    await run(`UPDATE ${table} SET ${column} = ${to} WHERE key = ?`, key);
  };
}
