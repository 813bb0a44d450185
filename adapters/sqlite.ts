/**
 * The SQLite adapter: entries and leases in one table of a file, for all processes of one machine, through a connection of
 * node:sqlite (Node 22.13 and later, Deno 2.6 and later), better-sqlite3 or bun:sqlite.
 *
 * A key is one row, with its entry, its lease, or both. Every operation is one transaction. SQLite's clock, which is the
 * machine's, decides when entries and leases expire. Each fill removes up to ten expired rows of other keys.
 *
 * The first operation puts the file into WAL mode, where readers and a writer don't wait for each other, and creates the
 * table. A lock of another process is found at once and tried again after a few milliseconds, until `operationTimeout`:
 * nothing blocks the process meanwhile, whatever the connection's own busy timeout. `SQLITE_BUSY` reaches no caller.
 *
 * A watch on the file's folder wakes followers. They poll where there is none: with `watch: false`, in memory, and on Node
 * before 20.16. Set it to false on a network's file system, which tells nothing of other machines; SQLite's locks may not
 * work there either.
 *
 * Give the adapter a connection of its own. While a connection is in a transaction of yours, the adapter waits for its
 * end; before Node 22.16, which doesn't tell of one, it writes within it.
 *
 * With `PRAGMA synchronous = NORMAL`, a write needs no disk. That is enough for a cache: in WAL mode even a loss of power
 * leaves the file whole.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { rmSync } from "node:fs";
 * import { DatabaseSync } from "node:sqlite";
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { sqliteAdapter } from "cache-locking/sqlite";
 *
 * const db = new DatabaseSync("example-cache.db");
 * db.exec("PRAGMA synchronous = NORMAL");
 * const users = Cache.make({ adapter: sqliteAdapter({ db }), cacheTtl: "1 minute" });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * const row = db.prepare("SELECT value FROM cache_locking WHERE key = 'user:42'").get();
 * assert.equal(row?.["value"], '{"name":"Ada"}');
 *
 * db.close();
 * rmSync("example-cache.db");
 * ```
 *
 * @module
 */
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { checkMethods, checkOption } from "./kit/options.ts";
import { sqliteStore } from "./kit/sqlite_backend.ts";
import { openDatabase } from "./sqlite/database.ts";
import { pushOf } from "./sqlite/push.ts";
import type { SqliteAdapterOptions, SqliteLeasesOptions } from "./sqlite/options.ts";

export type {
  SqliteAdapterOptions,
  SqliteConnection,
  SqliteLeasesOptions,
  SqliteStatement,
} from "./sqlite/options.ts";

/**
 * Makes a store. A connection may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function sqliteAdapter<V = unknown>(options: SqliteAdapterOptions): Store<V> {
  return storeOf(options) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend, in the table `'cache_locking_leases'` by default. Throws a
 * `TypeError` for bad options.
 */
export function sqliteLeases(options: SqliteLeasesOptions): LeasesHalf {
  return leasesHalf(storeOf({ ...options, table: options.table ?? "cache_locking_leases" }));
}

function storeOf(options: SqliteAdapterOptions): Store<unknown> {
  checkNames(options, "db", "table", "createTable", "keyPrefix", "watch", "codec");
  const { db, table = "cache_locking", createTable = true, keyPrefix, watch = true, codec } =
    options;
  checkMethods("db", ["prepare", "exec"], "a connection of SQLite", db);
  checkOption("watch", typeof watch === "boolean", "true or false", watch);
  return sqliteStore({
    name: "sqlite",
    run: openDatabase(db, createTable),
    table,
    createTable,
    keyPrefix,
    // Not all libraries return what comes after one.
    noNul: true,
    codec,
    push: watch ? pushOf(db, table) : undefined,
  });
}
