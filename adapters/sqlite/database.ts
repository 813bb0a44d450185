import { retry, type RetryOptions } from "../kit/retry.ts";
import type { Columns, RunStatements, Statement } from "../kit/sqlite_backend.ts";
import {
  isBusy,
  isInTransaction,
  type RunStatement,
  statementsOf,
  withoutWaiting,
} from "./connection.ts";
import type { SqliteConnection } from "./options.ts";

/** The longest pause before another try, in milliseconds. */
const LONGEST_PAUSE = 5;

/** Tries until nobody waits for the answer any more, or something else than a lock is in the way. */
const untilFree: RetryOptions = {
  again: isBusy,
  most: Infinity,
  pause: () => new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE)),
};

/**
 * Runs statements in one transaction each time, which finds a lock of another connection at once and is tried again after
 * a few milliseconds: a driver that waits blocks its process. With `wal`, the file is put into WAL mode first, where those
 * who read and the one who writes are in nobody's way.
 */
export function openDatabase(connection: SqliteConnection, wal: boolean): RunStatements {
  const run = statementsOf(connection);
  let isReady = !wal;
  const makeReady = () => {
    try {
      connection.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      if (isBusy(error)) throw error;
      // A file that can't be written to says so where something is written.
    }
    isReady = true;
  };
  return (statements, target) =>
    retry(target, () => {
      // What is written then would be a part of it, which may be rolled back.
      if (isInTransaction(connection)) throw new Error("the connection is within a transaction");
      return withoutWaiting(connection, () => {
        if (!isReady) makeReady();
        return transact(run, statements);
      });
    }, untilFree);
}

function transact(run: RunStatement, statements: readonly Statement[]): Columns[] {
  if (statements.length === 1) return run(...statements[0]!);
  run("BEGIN IMMEDIATE");
  try {
    const rows = statements.flatMap((statement) => run(...statement));
    run("COMMIT");
    return rows;
  } catch (error) {
    rollBack(run);
    throw error;
  }
}

function rollBack(run: RunStatement): void {
  try {
    run("ROLLBACK");
  } catch {
    // SQLite has done so itself, as when the disk is full.
  }
}
