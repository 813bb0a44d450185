import { Effect } from "effect";
import { after, before } from "node:test";
import type { Options, Sql } from "postgres";
import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { newTable, type PostgresClients, postgresClients, postgresUrl } from "./clients.ts";

/** Options of a client. */
export type ClientOptions = Options<Record<never, never>>;

export const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;
export const run = Effect.runPromise;

/** A client that looks at what others do. */
export let admin: Sql;
let clients: PostgresClients;
const tables: string[] = [];
before(async () => {
  if (skip) return;
  clients = await postgresClients(postgresUrl!);
  admin = clients.connect({ onnotice: () => {} });
});
after(async () => {
  if (skip) return;
  for (const table of tables) await admin`drop table if exists ${admin(table)}`;
  await clients.close();
});

/** Opens a client. */
export function connect(options?: ClientOptions): Sql {
  return clients.connect(options);
}

/** The name of a table that is gone in the end; `more` is the end of its name. */
export function table(more = ""): string {
  const name = newTable() + more;
  tables.push(name);
  return name;
}

/** A key of its own. */
export function newKey(): string {
  return `postgres.test:${randomToken()}`;
}

/** How many rows a table has. */
export async function rowsIn(table: string): Promise<number> {
  return Number((await admin`select count(*) from ${admin(table)}`)[0]!["count"]);
}
