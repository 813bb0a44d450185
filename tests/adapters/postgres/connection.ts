import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Connection, Place } from "../../support/connection.ts";
import { openPool } from "./clients.ts";

/**
 * Opens a client of a Postgres server, with the options of postgres.js, or of a pooler: `push: false`; or a pool of pg:
 * `library: "pg"`, which stays open if it may: `leaveOpen`. postgres.js listens at `pushUrl` if there is one.
 */
export async function connect(
  { url, codec, table, push = true, pushUrl, library, leaveOpen = false, ...options }: Place,
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
  const open = (url: string) =>
    postgres(url, { max: 4, fetch_types: false, onnotice: () => {}, ...options });
  const sql = open(url);
  const subscriber = typeof pushUrl === "string" ? open(pushUrl) : undefined;
  return {
    store: postgresAdapter({ sql, ...common, ...subscriber && { subscriber } }),
    ready: () => sql`select 1`,
    close: () => Promise.all([sql, subscriber].map((each) => each?.end({ timeout: 0 }))),
  };
}
