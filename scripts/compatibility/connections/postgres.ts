import { createRequire } from "node:module";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of a Postgres server, with the options of postgres.js, and `subscriber: false` of the adapter's. */
export function connect(
  { url, client: path, codec: _, subscriber, ...options }: ClientPlace,
): Connection {
  const postgres = createRequire(import.meta.url)(path) as typeof import("postgres");
  const sql = postgres(url, { max: 4, fetch_types: false, onnotice: () => {}, ...options });
  return {
    store: postgresAdapter({ sql, ...subscriber === false && { subscriber } }),
    ready: () => sql`select 1`,
    close: () => sql.end({ timeout: 0 }),
  };
}
