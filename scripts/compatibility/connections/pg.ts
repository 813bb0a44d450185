import { createRequire } from "node:module";
import type { PgPool } from "../../../adapters/postgres/options.ts";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a pool of pg of a Postgres server, with its options. */
export function connect({ url, client: path, codec: _, ...options }: ClientPlace): Connection {
  const { Pool } = createRequire(import.meta.url)(path) as typeof import("pg");
  const pool = new Pool({ connectionString: url, max: 4, ...options });
  // Without a listener, a lost connection that was idle ends the process.
  pool.on("error", () => {});
  return {
    store: postgresAdapter({ pool: pool as unknown as PgPool }),
    ready: () => pool.query("select 1"),
    close: () => pool.end(),
  };
}
