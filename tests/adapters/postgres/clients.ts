import type { Pool, PoolConfig } from "pg-types";
import type { Options, Sql } from "postgres";
import type { PostgresLeasesOptions } from "../../../adapters/postgres.ts";
import { randomToken } from "../../../src/model/token.ts";
import { variable } from "../../support/address.ts";

/** Where the server is. */
export const postgresUrl: string | undefined = variable("POSTGRES_URL");

/** Where the pooler is. */
export const pgbouncerUrl: string | undefined = variable("PGBOUNCER_URL");

/** The clients of one suite, which it closes at its end. */
export interface PostgresClients {
  /** Opens one. */
  readonly connect: (options?: Options<Record<never, never>>) => Sql;
  readonly close: () => Promise<unknown>;
}

/** Opens clients of one server. postgres.js is loaded late, as it looks at the environment. */
export async function postgresClients(url: string): Promise<PostgresClients> {
  const { default: postgres } = await import("postgres");
  const clients: Sql[] = [];
  return {
    connect(options = {}) {
      const client = postgres(url, { max: 4, ...options });
      clients.push(client);
      return client;
    },
    close: () => Promise.all(clients.map((client) => client.end({ timeout: 0 }))),
  };
}

/** Opens a pool of pg, whose idle connections may break without a word. */
export async function openPool(url: string, options: PoolConfig = {}): Promise<Pool> {
  const { default: pg } = await import("pg") as unknown as { default: typeof import("pg-types") };
  const pool = new pg.Pool({ connectionString: url, max: 4, ...options });
  pool.on("error", () => {});
  return pool;
}

/** Opens a client of its own, with what all its connections have sent by now: statements without their values. */
export async function openCounted(
  library: "postgres.js" | "pg",
): Promise<{ readonly client: PostgresLeasesOptions; readonly sent: string[] }> {
  const sent: string[] = [];
  if (library === "postgres.js") {
    const { default: postgres } = await import("postgres");
    const debug = (_connection: number, statement: string) => void sent.push(statement);
    return { client: { sql: postgres(postgresUrl!, { max: 4, fetch_types: false, debug }) }, sent };
  }
  const { default: pg } = await import("pg") as unknown as { default: typeof import("pg-types") };
  class Counting extends pg.Client {
    // deno-lint-ignore no-explicit-any -- each of its forms.
    override query(...asked: any[]): any {
      const [{ text = asked[0] }] = asked;
      sent.push(text);
      return (super.query as (...asked: unknown[]) => unknown)(...asked);
    }
  }
  return { client: { pool: await openPool(postgresUrl!, { Client: Counting }) }, sent };
}

/** Closes the connections of a client at once, as its process's death does. */
export function hangUp({ sql, subscriber, pool }: PostgresLeasesOptions): void {
  for (const client of [sql, subscriber, pool]) {
    // postgres.js takes options, and pg none.
    const end = (client as { end?(options?: object): Promise<unknown> } | undefined)?.end;
    end?.call(client, ...client === pool ? [] : [{ timeout: 0 }]).catch(() => {});
  }
}

/** The name of a table that there isn't yet. */
export function newTable(): string {
  return `cache_${randomToken().replaceAll("-", "")}`;
}

/** The adapter's statements on one table that the server has been sent since the last time, by what they do. */
export interface Statements {
  take(): Promise<string[]>;
}

/** Counts the statements on a table from now on, by pg_stat_statements. */
export async function statementsOn(admin: Sql, table: string): Promise<Statements> {
  await admin`create extension if not exists pg_stat_statements`;
  const counts = new Map<string, number>();
  const take = async () => {
    const rows = await admin`
      select queryid, query, calls from pg_stat_statements
      where query like ${`%"${table}"%`} and query not like '%pg_stat_statements%'`;
    return rows.flatMap(({ queryid, query, calls }) => {
      const before = counts.get(queryid) ?? 0;
      counts.set(queryid, Number(calls));
      const operation = operations.find(([pattern]) => pattern.test(query))?.[1];
      return operation ? Array<string>(Number(calls) - before).fill(operation) : [];
    }).sort();
  };
  await take();
  return { take };
}

const operations: readonly (readonly [RegExp, string])[] = [
  [/^\s*with seen/, "acquire"],
  [/^\s*with done as \(\s*update .* text = /, "fill"],
  [/^\s*with done as \(\s*update/, "release"],
  [/^\s*with done as \(\s*insert/, "set"],
  [/^\s*with done as \(\s*delete/, "delete"],
  [/^\s*select t\.text/, "get"],
  [/^\s*update/, "renew"],
  [/^\s*(un)?listen/i, "listen"],
];
