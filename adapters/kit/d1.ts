import type { Columns, SqliteStoreOptions } from "./sqlite_backend.ts";
import type { D1Database } from "./d1_database.ts";

/** What a store on D1 is made of, beside its name and its table. */
export function onD1(db: D1Database): Pick<SqliteStoreOptions, "run" | "explain"> {
  return {
    async run(statements) {
      const batch = statements.map(([sql, ...values]) => db.prepare(sql).bind(...values));
      const answers = await db.batch(batch as never);
      return answers.flatMap(({ results = [] }) => results as Columns[]);
    },
    explain: (error) =>
      /too ?big/i.test(String(error))
        ? { reason: "the value is larger than the 2 MB that a row can hold" }
        : undefined,
  };
}
