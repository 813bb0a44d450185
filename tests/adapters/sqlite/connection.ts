import { appendFileSync } from "node:fs";
import { sqliteAdapter } from "../../../adapters/sqlite.ts";
import type { Connection, Place } from "../../support/connection.ts";
import { type Database, openFile } from "./clients.ts";

/** Opens a file; what its statements do is written to `log`. With `open` it is closed by the end of the process alone. */
export function connect({ url, codec, table, log, watch, open }: Place): Connection {
  const db = openFile(url);
  return {
    store: sqliteAdapter({
      db: log === undefined ? db : logged(db, String(log)),
      codec,
      table: table as string | undefined,
      watch: watch as boolean | undefined,
    }),
    ready: () => Promise.resolve(),
    close: () => open || db.close(),
  };
}

/** The adapter's statements by what they do: those that an operation has besides are none. */
const operations: readonly (readonly [RegExp, string])[] = [
  [/^\s*INSERT .*owner/, "acquire"],
  [/^\s*INSERT /, "set"],
  [/^\s*SELECT (?!key|1).*\n.*\n?.* value IS NOT NULL/, "get"],
  [/^\s*UPDATE \S+ SET lease_until/, "renew"],
  [/^\s*UPDATE \S+ SET value/, "fill"],
  [/^\s*UPDATE /, "release"],
  [/^\s*DELETE FROM \S+ WHERE key = /, "delete"],
];

/** The same connection, which writes down the operations that it runs, a line each. */
function logged(db: Database, log: string): Database {
  const recorded = (method: "prepare" | "query") => (sql: string) => {
    const statement = (db as unknown as Record<string, Database["prepare"]>)[method]!(sql);
    const operation = operations.find(([pattern]) => pattern.test(sql))?.[1];
    if (operation === undefined) return statement;
    return {
      all(...parameters: unknown[]) {
        appendFileSync(log, `${operation}\n`);
        return statement.all(...parameters);
      },
      run: (...parameters: unknown[]) => {
        appendFileSync(log, `${operation}\n`);
        return statement.run(...parameters);
      },
      get reader() {
        return (statement as { readonly reader?: boolean }).reader;
      },
    };
  };
  return {
    prepare: recorded("prepare"),
    ...("query" in db ? { query: recorded("query") } : {}),
    exec: (sql) => db.exec(sql),
    close: () => db.close(),
  };
}
