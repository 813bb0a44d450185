import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection, Place } from "../../support/connection.ts";
import { openPool } from "./clients.ts";

/**
 * Opens a client of a Postgres server, with the options of postgres.js, or of a pooler: `push: false`; or a pool of pg:
 * `library: "pg"`, which stays open if it may: `leaveOpen`.
 */
export async function connect(
  { url, codec, table, push = true, library, leaveOpen = false, ...options }: Place,
): Promise<Connection> {
  const common = {
    codec,
    table: table as string | undefined,
    ...(push ? {} : { subscriber: false as const }),
  };
  if (library === "pg") {
    const pool = await openPool(url, options);
    return {
      store: postgresAdapter({ pool, ...common }),
      ready: () => pool.query("select 1"),
      close: () => leaveOpen ? undefined : pool.end(),
    };
  }
  const { default: postgres } = await import("postgres");
  const sql = postgres(url, { max: 4, fetch_types: false, onnotice: () => {}, ...options });
  return {
    store: postgresAdapter({ sql, ...common }),
    ready: () => sql`select 1`,
    close: () => sql.end({ timeout: 0 }),
  };
}
