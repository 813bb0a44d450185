import type { Pool, PoolConfig } from "pg-types";
import type { Options, Sql } from "postgres";
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
