import type { Codec } from "../../src/store/codec.ts";

/** A prepared statement, by what is used of it. */
export interface SqliteStatement {
  /** Runs it, and returns its rows. */
  all(...parameters: never[]): unknown[];
  /** Runs one that returns no rows. */
  run(...parameters: never[]): unknown;
}

/**
 * A connection to a file: a `DatabaseSync` of [node:sqlite](https://nodejs.org/api/sqlite.html), which Deno has, too, or a
 * `Database` of [better-sqlite3](https://github.com/WiseLibs/better-sqlite3) or
 * [bun:sqlite](https://bun.com/docs/runtime/sqlite). It is declared here, so that no version of their types has to match.
 */
export interface SqliteConnection {
  /** Prepares a statement. */
  prepare(sql: string): SqliteStatement;
  /** Runs statements without parameters. */
  exec(sql: string): unknown;
}

/** The options of {@linkcode sqliteLeases}. */
export interface SqliteLeasesOptions {
  /** The connection. Only the user closes it. */
  readonly db: SqliteConnection;
  /** The table; `'cache_locking'` by default. Two adapters with the same table have the same entries and leases. */
  readonly table?: string | undefined;
  /**
   * Whether the adapter puts the file into WAL mode and creates a missing table; true by default. With false, the error
   * holds the statements that create it.
   */
  readonly createTable?: boolean | undefined;
  /** The prefix of keys in the table; none by default. */
  readonly keyPrefix?: string | undefined;
  /** Whether a watch on the file's folder wakes followers; true by default. With false they poll. */
  readonly watch?: boolean | undefined;
}

/** The options of {@linkcode sqliteAdapter}. */
export interface SqliteAdapterOptions extends SqliteLeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
