import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection, Place } from "../../../tests/support/connection.ts";

/** Opens Bun's own client of a Postgres server, as if it were postgres.js. */
export function connect({ url }: Place): Connection {
  const { Bun } = globalThis as unknown as {
    readonly Bun: { readonly SQL: new (url: string) => Sql };
  };
  const sql = new Bun.SQL(url);
  return {
    store: postgresAdapter({ sql: sql as never }),
    ready: () => sql.unsafe("select 1"),
    close: () => sql.close(),
  };
}

interface Sql {
  unsafe(query: string): Promise<unknown>;
  close(): Promise<void>;
}
