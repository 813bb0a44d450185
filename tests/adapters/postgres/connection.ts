import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a Postgres server, with the options of postgres.js, or of a pooler: `push: false`. */
export async function connect(
  { url, codec, table, push = true, ...options }: Place,
): Promise<Connection> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(url, { max: 4, fetch_types: false, onnotice: () => {}, ...options });
  return {
    store: postgresAdapter({
      sql,
      codec,
      table: table as string | undefined,
      ...(push ? {} : { subscriber: false }),
    }),
    ready: () => sql`select 1`,
    close: () => sql.end({ timeout: 0 }),
  };
}
