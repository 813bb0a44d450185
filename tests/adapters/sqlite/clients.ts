import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { SqliteConnection } from "../../../adapters/sqlite.ts";
import { mayWrite, variable } from "../../support/address.ts";

/** A connection of any of the libraries, and what the tests use of it themselves. */
export interface Database extends SqliteConnection {
  prepare(sql: string): {
    all(...parameters: unknown[]): Record<string, unknown>[];
    run(...parameters: unknown[]): unknown;
  };
  close(): void;
}

type Open = (path: string) => Database;

/** What opens a file: better-sqlite3 where `BETTER_SQLITE3` says where it is, or else what the runtime carries. */
const open: Open | undefined = await library();

/** Why the suite can't be run here. */
export const skip: string | false = open === undefined
  ? "no SQLite: Node has it from 22.13 on; `BETTER_SQLITE3` names the folder of a better-sqlite3"
  : mayWrite()
  ? false
  : "no file may be written";

/** Why a connection can't tell that it is in a transaction, if it can't. */
export function skipTransactions(): string | false {
  if (skip) return skip;
  const db = open!(":memory:");
  const tells = "inTransaction" in db || "isTransaction" in db;
  db.close();
  return tells ? false : "node:sqlite tells of transactions from Node 22.16 on";
}

/** Opens a file. */
export function openFile(path: string): Database {
  const db = open!(path);
  db.exec("PRAGMA synchronous = NORMAL");
  return db;
}

async function library(): Promise<Open | undefined> {
  const better = variable("BETTER_SQLITE3");
  if (better !== undefined) {
    const Database = createRequire(import.meta.url)(better);
    return (path) => new Database(path);
  }
  if (process.versions["bun"] !== undefined) {
    const { Database } = await import("bun:sqlite" as string);
    return (path) => new Database(path);
  }
  try {
    const { DatabaseSync } = await import("node:sqlite");
    return (path) => new DatabaseSync(path) as never;
  } catch {
    return undefined;
  }
}

/** A folder of files that is removed in the end. */
export interface Folder {
  /** The path of a file in it. */
  readonly file: (name?: string) => string;
  /** Opens a file in it, which is closed with the folder. */
  readonly open: (name?: string) => Database;
  readonly remove: () => void;
}

/** Makes a folder. */
export function newFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), "cache-locking-"));
  const databases: Database[] = [];
  const file = (name = "cache.db") => join(folder, name);
  return {
    file,
    open(name) {
      const db = openFile(file(name));
      databases.push(db);
      return db;
    },
    remove() {
      for (const db of databases) db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
