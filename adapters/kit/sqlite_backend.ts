import type { Store } from "../../src/store/store.ts";
import type { Backend, Row, Target } from "./backend.ts";
import { bytesOf } from "./data.ts";
import { checkPrefix, makeNames } from "./names.ts";
import { checkOption } from "./options.ts";
import { Refusal } from "./refusal.ts";
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
  /** The backend, if the rows are a part of it. */
  readonly backendOf?: (rows: SqliteBackend) => Backend;
}

/** A backend in SQLite. */
export interface SqliteBackend extends Backend {
  /** Whether the row is still what the owner filled. */
  filledBy(target: Target, owner: string): Promise<boolean>;
}

/** How many dead rows of other keys a fill or a release removes at most. */
const PRUNED = 10;

/** Makes a store over a table. Throws a `TypeError` for options that can't be used. */
export function sqliteStore(
  { run, table, createTable = true, keyPrefix, noNul = false, backendOf, ...rest }:
    SqliteStoreOptions,
): Store<unknown> {
  const isName = typeof table === "string" && table !== "" && !table.includes("\0");
  checkOption("table", isName, "a string that isn't empty and has no NUL", table);
  checkOption("createTable", typeof createTable === "boolean", "true or false", createTable);
  const rows = sqliteBackend(run, table, createTable);
  const prefix = checkPrefix({ prefix: keyPrefix, noNul: true });
  return makeStore({
    ...rest,
    backend: backendOf?.(rows) ?? rows,
    nameOf: makeNames({ prefix, noNul }),
    unordered: true,
  });
}

/** Keeps a row per key, which holds its entry, its lease, or how the last lease ended; time is the database's. */
function sqliteBackend(run: RunStatements, table: string, createTable: boolean): SqliteBackend {
  const statements = statementsOn(table);
  /** The first row that any of the statements returns. */
  const ask = opened(run, statements.create, createTable);
  const isDone = async (target: Target, ...asked: Statement[]) =>
    await ask(target, ...asked) !== undefined;

  return {
    async read(target) {
      const row = await ask(target, [statements.get]);
      return row && { data: dataOf(row.value) };
    },
    async take(target, { owner, ttl, waitedFor = null, ignored }) {
      const unreadable = ignored ? bytesOf(ignored.data as string | Uint8Array) : null;
      const take: Statement = [statements.take, owner, ttl, waitedFor, unreadable];
      const row = (await ask(target, take, [statements.look, ignored ? 1 : 0]))!;
      return { ...row as Row, data: dataOf(row.value), replaced: row.outcome === "replaced" };
    },
    renew: (target, { owner, ttl }) => isDone(target, [statements.renew, owner, ttl]),
    fill: (target, { owner, data, ttl = null }) =>
      isDone(target, [statements.fill, owner, data, ttl], [statements.prune, PRUNED]),
    filledBy: (target, owner) => isDone(target, [statements.filledBy, owner]),
    release: (target, { owner, outcome }) =>
      ask(
        target,
        [statements.release, owner, outcome === "cancelled" ? null : outcome],
        [statements.prune, PRUNED],
      ),
    write: (target, { data, ttl = null }) => ask(target, [statements.set, data, ttl]),
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

function dataOf(value: Columns[string] | undefined): unknown {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? new Uint8Array(value) : value;
}
