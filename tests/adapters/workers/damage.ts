import type { D1Database, KVNamespace } from "@cloudflare/workers-types/index.ts";
import type { Damage, Damager } from "../../conformance/mod.ts";
import { damagedRows, type RunWith } from "../../support/damaged_rows.ts";

/** Runs statements of a database. */
export function runOn(db: D1Database): RunWith {
  return (sql, key) => db.prepare(sql).bind(key).run();
}

/** Damages what is in KV, and the rows beside it. */
export function damagedKv(kv: KVNamespace, db: D1Database, table: string): Damage {
  const rows = damagedRows(runOn(db), table);
  const both = (row: Damager, text: string, metadata?: object): Damager => async (key, ttl) => {
    await kv.put(key, text, metadata && { metadata });
    await row(key, ttl);
  };
  const noRow: Damager = (key) => db.prepare(`DELETE FROM ${table} WHERE key = ?1`).bind(key).run();
  const entries = Object.entries(rows.entries).map(([name, row]) => [name, both(row, "{")]);
  const ends = Object.entries(rows.ends).map((
    [name, row],
  ) => [name, both(row, '"damaged"', { expiresAt: "soon" })]);
  const ages = [-5, 0, 1e300, "soon", null, []].flatMap((time) =>
    ["staleFor", "took"].map((field): [string, Damager] => [
      `${field} of ${JSON.stringify(time)} in KV`,
      both(noRow, '"damaged"', { expiresAt: Date.now() + 86_400_000, staleFor: 5, [field]: time }),
    ])
  );
  return {
    ...rows,
    ages: Object.fromEntries(ages),
    entries: {
      ...Object.fromEntries(entries),
      "in KV alone": both(noRow, "{"),
    },
    ends: {
      ...Object.fromEntries(ends),
      "in KV alone": both(noRow, '"damaged"', { expiresAt: "soon" }),
      "null in KV": both(noRow, '"damaged"', { expiresAt: null }),
    },
  };
}
