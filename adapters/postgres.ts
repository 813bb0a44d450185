/**
 * The Postgres adapter: entries and leases in one table, a row per key for both, through a client of postgres.js or a pool of
 * pg, with push over LISTEN and NOTIFY.
 *
 * Every operation is one statement, so one round trip with prepared statements, and two with `prepare: false`. The
 * server's clock decides when entries and leases expire. LISTEN wakes followers over a second connection: the first wait
 * opens it, by `sql.listen` or with the pool's options, and it is closed a second after the last, or with the client. As
 * NOTIFY has all commits of the server wait for each other, only a change of a row on which somebody waits sends one: the
 * look of a follower that listens marks the row, in the same statement, as it is under its lock. An L1 is told of the changes
 * of fresh entries in the same way: while there is one, it holds locks that each such change tries to take.
 *
 * Make a client of postgres.js with `fetch_types: false`. Otherwise postgres.js asks for the server's array types on each new
 * connection. If that connection breaks at this moment, nothing catches the error, and it ends the process.
 *
 * A process whose fetch has run for half a second holds an advisory lock on that connection, and its row names it. An
 * acquire that finds such a lease asks whether the lock is free: where it was twice, a second apart, the lease of a dead
 * leader is over. Behind a pooler in transaction mode, and with `subscriber: false`, the lease's time decides.
 *
 * The role needs SELECT, INSERT, UPDATE and DELETE on the table; the first acquire of one without a right fails, and names
 * the four. A statement is sent again, twice at most, if its connection was just ended. A hot standby is refused.
 *
 * The first statement that misses the table creates it. The table is unlogged: Postgres writes no WAL for it, and a
 * crash of the server empties it. Leases are lost then, and two callers may lead, but only one can fill. Each write
 * removes a few expired rows, and {@linkcode prunePostgres} removes all.
 *
 * A pooler in transaction mode has no LISTEN and no prepared statements. Make the client with `prepare: false`, and
 * pass a `subscriber` that is connected directly, or `false`: then followers poll.
 *
 * The table holds a key of more than 2,600 bytes, with its prefix, by its beginning and its SHA-256. A key with a NUL
 * is refused. The client must not be a transaction: within one, on a client with `max: 1`, a call would wait for the
 * transaction's own connection, until `operationTimeout`.
 *
 * @example
 * ```ts postgres
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import postgres from "postgres";
 * import { Cache } from "cache-locking";
 * import { postgresAdapter } from "cache-locking/postgres";
 *
 * const sql = postgres(process.env.POSTGRES_URL!, { fetch_types: false });
 * const users = Cache.make({
 *   adapter: postgresAdapter({ sql, table: "example_cache" }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * const [row] = await sql`select text from example_cache where key = 'user:42'`;
 * assert.equal(row?.text, '{"name":"Ada"}');
 *
 * await sql`drop table example_cache`;
 * await sql.end();
 * ```
 *
 * @module
 */
import { checkNames } from "../src/model/option_names.ts";
import { attempt } from "../src/store/attempt.ts";
import type * as Effect from "effect/Effect";
import type { AdapterError } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { hashOf } from "./kit/changes.ts";
import { makeNames } from "./kit/names.ts";
import { makeStore } from "./kit/store.ts";
import { postgresBackend, topicOf } from "./postgres/backend.ts";
import { postgresChanges } from "./postgres/changes.ts";
import { postgresCommands } from "./postgres/client.ts";
import { PRESENCE } from "./postgres/session.ts";
import { openTable, pruned } from "./postgres/table.ts";
import type { PostgresAdapterOptions, PostgresLeasesOptions } from "./postgres/options.ts";

export type {
  PgOptions,
  PgPool,
  PgQuery,
  PostgresAdapterOptions,
  PostgresClient,
  PostgresJsOptions,
  PostgresLeasesOptions,
  PostgresParameter,
  PostgresRow,
  PostgresSubscriber,
  PostgresTableOptions,
} from "./postgres/options.ts";

/**
 * Makes a store. A client may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function postgresAdapter<V = unknown>(options: PostgresAdapterOptions): Store<V> {
  checkNames(options, "sql", "pool", "subscriber", "table", "createTable", "keyPrefix", "codec");
  const { table = TABLE, createTable = true, keyPrefix, codec } = options;
  const commands = postgresCommands(options);
  const opened = openTable(commands, table, createTable);
  const { channel } = opened;
  const [push, session] = [commands.pushOn(channel), commands.sessionOn(channel)];
  const nameOf = makeNames({ prefix: keyPrefix, longest: LONGEST_NAME, noNul: true });
  // Of the name, which may have to be made of a hash that costs more, or may be refused.
  const hash = (key: string) => hashOf((keyPrefix ?? "") + key);
  return makeStore({
    name: "postgres",
    backend: postgresBackend(opened, hash, push),
    changes: push && session && {
      ...postgresChanges({ channel, push, session, query: commands.query }),
      hashOf: hash,
    },
    nameOf,
    codec,
    unordered: true,
    push,
    topicOf,
    presenceOf: () => PRESENCE,
  }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend, in a table that no {@linkcode postgresAdapter} uses. Keep it in
 * a constant: only callers of the same leases half share a flight. Throws a `TypeError` for bad options.
 */
export function postgresLeases(options: PostgresLeasesOptions): LeasesHalf {
  return leasesHalf(
    postgresAdapter({ ...options, table: options.table ?? "cache_locking_leases" }),
  );
}

/**
 * Removes all expired rows, a thousand at a time, and returns their number. Each write removes a few, which is enough
 * for a table in use. This is for a table that is no longer used, or was very large.
 */
export function prunePostgres(
  options: Pick<PostgresLeasesOptions, "sql" | "pool" | "table" | "createTable">,
): Effect.Effect<number, AdapterError> {
  const { sql, pool, table = TABLE, createTable = true } = options;
  const { name, ask } = openTable(postgresCommands({ sql, pool }), table, createTable);
  const statement = pruned(name, BATCH);
  return attempt("delete", `the expired rows of ${name}`, async (signal) => {
    for (let removed = 0;;) {
      const { length } = await ask({ signal }, statement, []);
      removed += length;
      if (length < BATCH || signal().aborted) return removed;
    }
  });
}

const TABLE = "cache_locking";
/** How many rows one statement prunes at most. */
const BATCH = 1000;
/** What an index takes is 2,704 bytes. */
const LONGEST_NAME = 2600;
