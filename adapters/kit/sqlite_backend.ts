import { randomToken } from "../../src/model/token.ts";
import type { Store } from "../../src/store/store.ts";
import { type Backend, lifeOf, type Row, type Target, type Written } from "./backend.ts";
import { bytesOf } from "./data.ts";
import { decide, isHit } from "./decide.ts";
import { checkPrefix, makeNames } from "./names.ts";
import { checkOption } from "./options.ts";
import { Refusal } from "./refusal.ts";
import { Contention, retry } from "./retry.ts";
import { isMissingTable, statementsOn } from "./sqlite_statements.ts";
import { makeStore, type StoreOptions } from "./store.ts";

/** What is bound to a parameter of a statement. */
export type Bound = string | number | Uint8Array | null;

/** A statement, and the values of `?1`, `?2`, … */
export type Statement = readonly [sql: string, ...values: Bound[]];

/** A row of an answer; some drivers return bytes as an array of numbers. */
export type Columns = Readonly<
  Record<string, string | number | ArrayBuffer | readonly number[] | null>
>;

/** Runs statements in one transaction, and returns the rows of all. */
export type RunStatements = (
  statements: readonly Statement[],
  caller: Pick<Target, "signal">,
) => Promise<readonly Columns[]>;

/** What a store in SQLite is made of. */
export interface SqliteStoreOptions
  extends Pick<StoreOptions<Row>, "name" | "codec" | "explain" | "push"> {
  /** How statements are run. */
  readonly run: RunStatements;
  /** The table's name. */
  readonly table: string;
  /** Whether the table is made where it is missing; true by default. */
  readonly createTable?: boolean | undefined;
  /** The prefix of keys in the table; none by default. */
  readonly keyPrefix?: string | undefined;
  /** Whether keys with a NUL are refused, too, and not the prefix alone. */
  readonly noNul?: boolean;
  /** For how long the row of a plain entry is needed at most, in milliseconds, where the backend has the entry elsewhere. */
  readonly longest?: number;
  /** The backend, if the rows are a part of it. */
  readonly backendOf?: (rows: SqliteBackend) => Backend;
}

/** An entry that was expired, and for how long it is there; times are milliseconds. */
export interface Stale {
  readonly data: string | Uint8Array;
  readonly life: number;
  readonly staleFor: number;
  readonly took: number | undefined;
}

/** A backend in SQLite. */
export interface SqliteBackend extends Backend {
  /** As `expire`, by a name for this change; gives what is there then, which is stale. */
  expireAs(target: Target, name: string): Promise<Stale | undefined>;
  /** Whether the row is still what this owner filled, or what was expired by this name. */
  changedBy(target: Target, name: string): Promise<boolean>;
}

/** How many dead rows of other keys a fill or a release removes at most. */
const PRUNED = 10;

/** Makes a store over a table. Throws a `TypeError` for options that can't be used. */
export function sqliteStore(
  {
    run,
    table,
    createTable = true,
    keyPrefix,
    noNul = false,
    longest = Infinity,
    backendOf,
    ...rest
  }: SqliteStoreOptions,
): Store<unknown> {
  const isName = typeof table === "string" && table !== "" && !table.includes("\0");
  checkOption("table", isName, "a string that isn't empty and has no NUL", table);
  checkOption("createTable", typeof createTable === "boolean", "true or false", createTable);
  const rows = sqliteBackend(run, table, createTable, longest);
  const prefix = checkPrefix({ prefix: keyPrefix, noNul: true });
  return makeStore({
    ...rest,
    backend: backendOf?.(rows) ?? rows,
    nameOf: makeNames({ prefix, noNul }),
    unordered: true,
  });
}

/** Keeps a row per key, which holds its entry, its lease, or how the last lease ended; time is the database's. */
function sqliteBackend(
  run: RunStatements,
  table: string,
  createTable: boolean,
  longest: number,
): SqliteBackend {
  const statements = statementsOn(table);
  /** The first row that any of the statements returns. */
  const ask = opened(run, statements.create, createTable);
  /** A value, for how long it is there, and stale, how long its fetch took, and for how long its row is needed. */
  const valuesOf = (written: Written): Bound[] => {
    const { data, staleFor = null, took = null } = written;
    const life = lifeOf(written) ?? Infinity;
    const isPlain = staleFor === null && took === null;
    const needed = isPlain ? Math.min(life, longest) : life;
    return [data, orNull(life), staleFor, took, orNull(needed)];
  };
  const isDone = async (target: Target, ...asked: Statement[]) =>
    await ask(target, ...asked) !== undefined;

  return {
    async read(target) {
      const row = await ask(target, [statements.get]);
      return row && { ...row as Row, data: dataOf(row.value) };
    },
    take(target, wanted) {
      const { owner, ttl, waitedFor = null, ignored, freshBelow, backOff } = wanted;
      const unreadable = ignored ? bytesOf(ignored.data as string | Uint8Array) : null;
      const below = freshBelow === Infinity ? null : freshBelow;
      const take: Statement = [
        statements.take,
        ...[owner, ttl, waitedFor, unreadable, below, backOff ? 1 : 0],
      ];
      return retry(target, async (): Promise<Row> => {
        const look: Statement = [statements.look, ignored ? 1 : 0, unreadable];
        const { value, outcome, ...found } = (await ask(target, take, look))! as Columns & Row;
        const data = dataOf(value);
        const row = { ...found, data, outcome, replaced: (outcome as string) === "replaced" };
        // What was in the way of the first statement may have ended before the second.
        if (!isHit(row, wanted) && decide(row, wanted) === undefined) throw new Contention();
        return row;
      });
    },
    renew: (target, { owner, ttl }) => isDone(target, [statements.renew, owner, ttl]),
    fill: (target, { owner, ...written }) =>
      isDone(target, [statements.fill, owner, ...valuesOf(written)], [statements.prune, PRUNED]),
    changedBy: (target, name) => isDone(target, [statements.changedBy, name]),
    release: (target, { owner, outcome, failure }) => {
      const how = outcome === "cancelled" ? null : outcome;
      const told = [failure?.failures ?? null, failure?.quietFor ?? null];
      return ask(
        target,
        [statements.release, owner, how, ...told],
        [statements.prune, PRUNED],
      );
    },
    write: (target, written) => ask(target, [statements.set, ...valuesOf(written)]),
    expire: (target) => ask(target, [statements.expire, randomToken()]),
    async expireAs(target, name) {
      const { value, ...told } = await ask(target, [statements.expire, name], [statements.stale]) ??
        {};
      const data = dataOf(value);
      return data === undefined ? undefined : { ...told, data } as Stale;
    },
    remove: (target) => ask(target, [statements.delete]),
  };
}

/** Asks statements of a table, which is made when they miss it. */
function opened(run: RunStatements, definition: readonly string[], createTable: boolean) {
  const send = async (target: Target, asked: readonly Statement[]) => {
    const named = asked.map(([sql, ...values]): Statement => [sql, target.name, ...values]);
    return (await run(named, target))[0];
  };
  return async (target: Target, ...asked: readonly Statement[]) => {
    try {
      return await send(target, asked);
    } catch (cause) {
      if (!isMissingTable(cause)) throw cause;
      if (!createTable) {
        const reason = `its table is missing; create it with: ${definition.join("; ")}`;
        throw new Refusal(reason, { cause });
      }
      await run(definition.map((sql): Statement => [sql]), target);
      return await send(target, asked);
    }
  };
}

function orNull(number: number): number | null {
  return number === Infinity ? null : number;
}

function dataOf(value: Columns[string] | undefined): unknown {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? new Uint8Array(value) : value;
}
