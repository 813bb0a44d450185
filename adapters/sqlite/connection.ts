import { hasMethods } from "../kit/options.ts";
import type { Bound, Columns } from "../kit/sqlite_backend.ts";
import type { SqliteConnection, SqliteStatement } from "./options.ts";

/** Runs a statement on a connection; its values are those of `?1`, `?2`, … */
export type RunStatement = (sql: string, ...values: readonly Bound[]) => Columns[];

/** What only some of the libraries have. */
interface Oddities {
  /** Bun's: prepares a statement, and keeps it until the connection is closed, which others would hold up. */
  query?(sql: string): SqliteStatement;
  /** Whether the connection is in a transaction, as Bun and better-sqlite3 name it, and as node:sqlite does. */
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
}

interface StatementOddities extends SqliteStatement {
  /** Whether it returns rows: only better-sqlite3 has `all` fail where it doesn't. */
  readonly reader?: boolean;
  /** Bun's: lets go of it. */
  finalize?(): void;
}

/** Runs statements on a connection, whichever library has made it. Each is prepared once. */
export function statementsOf(connection: SqliteConnection): RunStatement {
  const kept = new Map<string, StatementOddities>();
  const isBun = hasMethods(connection, "query");
  const prepare = (sql: string) =>
    (isBun ? (connection as Oddities).query!(sql) : connection.prepare(sql)) as StatementOddities;
  return (sql, ...values) => {
    try {
      let statement = kept.get(sql);
      if (statement === undefined) kept.set(sql, statement = prepare(sql));
      const parameters = values.length === 0 ? [] : parametersOf(values, isBun);
      if (statement.reader !== false) return statement.all(...parameters) as Columns[];
      statement.run(...parameters);
      return [];
    } catch (error) {
      // One whose connection was closed and opened again never works again.
      kept.delete(sql);
      throw error;
    }
  };
}

/** better-sqlite3 takes numbered parameters by their numbers alone, and Bun in their order alone. */
function parametersOf(values: readonly Bound[], inOrder: boolean): never[] {
  const sent = values.map(withoutNul);
  return (inOrder ? sent : [Object.fromEntries(sent.map((value, i) => [i + 1, value]))]) as never[];
}

/** Node 22 and Deno read text only up to a NUL. */
function withoutNul(value: Bound): Bound {
  return typeof value === "string" && value.includes("\0")
    ? new TextEncoder().encode(value)
    : value;
}

/** Whether the connection is in a transaction, as far as its library says so. */
export function isInTransaction(connection: SqliteConnection): boolean {
  const { inTransaction, isTransaction } = connection as Oddities;
  return inTransaction ?? isTransaction ?? false;
}

/**
 * Runs something that finds a lock at once, and doesn't wait for it: by default Deno and better-sqlite3 would block the
 * process for 5 s.
 */
export function withoutWaiting<A>(connection: SqliteConnection, run: () => A): A {
  // It is done, and its answer is fixed, when it is prepared.
  const statement: StatementOddities = connection.prepare("PRAGMA busy_timeout");
  const [{ timeout }] = statement.all() as [{ readonly timeout: number }];
  statement.finalize?.();
  if (timeout === 0) return run();
  connection.exec("PRAGMA busy_timeout = 0");
  try {
    return run();
  } finally {
    connection.exec(`PRAGMA busy_timeout = ${timeout}`);
  }
}

/**
 * Whether it is worth another try: another connection holds a lock, this one is in use, or it was closed and opened again
 * since the statement was prepared. The words of a lock are SQLite's own.
 */
export function isBusy(error: unknown): boolean {
  return /database is locked|within a transaction|connection is busy|has been finalized/
    .test(String(error));
}
