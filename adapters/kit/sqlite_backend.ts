import type { AdapterErrorOptions } from "../../src/model/errors.ts";
import type { Codec } from "../../src/store/codec.ts";
import type { Store } from "../../src/store/store.ts";
import type { Backend, Row, Target } from "./backend.ts";
import { checkPrefix, makeNames } from "./names.ts";
import { checkOption } from "./options.ts";
import { Refusal } from "./refusal.ts";
import { statementsOn } from "./sqlite_statements.ts";
import { makeStore } from "./store.ts";

/** A statement with its parameters. */
export interface SqliteStatement {
  /** The same statement with values for its parameters, `?1` first. */
  bind(...values: unknown[]): SqliteStatement;
}

/** A database of SQLite, by what is used of it. */
export interface SqliteDatabase {
  /** Makes a statement. */
  prepare(sql: string): SqliteStatement;
  /** Runs statements in one transaction and in one round trip. */
  batch(statements: never): Promise<readonly { readonly results?: readonly unknown[] }[]>;
}

/** What a store in SQLite is made of. */
export interface SqliteStoreOptions {
  /** The backend's name. */
  readonly name: string;
  /** The database. */
  readonly db: SqliteDatabase;
  /** The table's name. */
  readonly table: string;
  /** Whether the table is made where it is missing; true by default. */
  readonly createTable?: boolean | undefined;
  /** The prefix of keys in the table; none by default. */
  readonly keyPrefix?: string | undefined;
  /** How values become text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
  /** The backend, if the rows are a part of it. */
  readonly backendOf?: (rows: SqliteBackend) => Backend;
}

/** A backend in SQLite. */
export interface SqliteBackend extends Backend {
  /** Whether the row is still what the owner filled. */
  filledBy(target: Target, owner: string): Promise<boolean>;
}

/** What is bound to a parameter. */
type Bound = string | number | Uint8Array | null;

/** What a column holds; some drivers return bytes as an array of numbers. */
type Column = string | number | ArrayBuffer | readonly number[] | null;

type Statement = readonly [sql: string, ...values: Bound[]];

/** How many dead rows of other keys a fill removes at most. */
const PRUNED = 10;

/** Makes a store over a table. Throws a `TypeError` for options that can't be used. */
export function sqliteStore(
  { name, db, table, createTable = true, keyPrefix, codec, backendOf = (rows) => rows }:
    SqliteStoreOptions,
): Store<unknown> {
  const isName = typeof table === "string" && table !== "" && !table.includes("\0");
  checkOption("table", isName, "a string that isn't empty and has no NUL", table);
  checkOption("createTable", typeof createTable === "boolean", "true or false", createTable);
  return makeStore({
    name,
    backend: backendOf(sqliteBackend(db, table, createTable)),
    nameOf: makeNames({ prefix: checkPrefix({ prefix: keyPrefix, noNul: true }) }),
    codec,
    unordered: true,
    explain,
  });
}

/** Keeps a row per key, which holds its entry, its lease, or how the last lease ended; time is the database's. */
function sqliteBackend(db: SqliteDatabase, table: string, createTable: boolean): SqliteBackend {
  const statements = statementsOn(table);
  /** The first row that any of the statements returns. */
  const ask = opened(db, statements.create, createTable);
  const isDone = async (target: Target, ...asked: Statement[]) =>
    await ask(target, ...asked) !== undefined;

  return {
    async read(target) {
      const row = await ask(target, [statements.get]);
      return row && { data: dataOf(row.value) };
    },
    async take(target, { owner, ttl, waitedFor = null, ignored }) {
      const unreadable = (ignored?.data ?? null) as Bound;
      const take: Statement = [statements.take, owner, ttl, waitedFor, unreadable];
      const row = (await ask(target, take, [statements.look]))!;
      return { ...row as Row, data: dataOf(row.value) };
    },
    renew: (target, { owner, ttl }) => isDone(target, [statements.renew, owner, ttl]),
    fill: (target, { owner, data, ttl = null }) =>
      isDone(target, [statements.fill, owner, data, ttl], [statements.prune, PRUNED]),
    filledBy: (target, owner) => isDone(target, [statements.filledBy, owner]),
    release: (target, { owner, outcome }) =>
      ask(target, [statements.release, owner, outcome === "cancelled" ? null : outcome]),
    write: (target, { data, ttl = null }) => ask(target, [statements.set, data, ttl]),
    remove: (target) => ask(target, [statements.delete]),
  };
}

/** Says what an error of the database means. */
function explain(error: unknown): AdapterErrorOptions | undefined {
  return /too ?big/i.test(String(error))
    ? { reason: "the value is larger than the 2 MB that a row can hold" }
    : undefined;
}

/** Asks statements of a table, which is made when they miss it. */
function opened(db: SqliteDatabase, definition: readonly string[], createTable: boolean) {
  const send = async ({ name }: Target, asked: readonly Statement[]) => {
    const batch = asked.map(([sql, ...values]) => db.prepare(sql).bind(name, ...values));
    const answers = await db.batch(batch as never);
    return answers.flatMap(({ results = [] }) => results)[0] as Record<string, Column> | undefined;
  };
  return async (target: Target, ...asked: readonly Statement[]) => {
    try {
      return await send(target, asked);
    } catch (cause) {
      if (!/no such table/i.test(String(cause))) throw cause;
      if (!createTable) {
        const reason = `its table is missing; create it with: ${definition.join("; ")}`;
        throw new Refusal(reason, { cause });
      }
      await db.batch(definition.map((sql) => db.prepare(sql)) as never);
      return await send(target, asked);
    }
  };
}

function dataOf(value: Column | undefined): unknown {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? new Uint8Array(value) : value;
}
