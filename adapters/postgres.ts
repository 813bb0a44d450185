/**
 * The Postgres adapter: entries and leases in one table, one row per key, through a postgres.js client, with push over
 * LISTEN and NOTIFY.
 *
 * Every operation is one statement, so one round trip where the client prepares statements (two where `prepare: false`
 * keeps it from that). Time is the server's. Followers are woken over one connection more, which `sql.listen` opens at the
 * first wait and which is closed a second after the last, or with the client.
 *
 * Make the client with `fetch_types: false`, which the adapter has no use for: postgres.js asks for the server's array types
 * on each new connection, and where that connection breaks at this moment, nobody catches the error, which ends a process.
 *
 * The table is made by the first statement that misses it. It is unlogged: no WAL is written for it, and it is empty after
 * a crash of the server, where leases are lost with entries; two may lead then, but only one can fill. Rows whose time is
 * over are removed a few at a time by what writes, and all at once by {@linkcode prunePostgres}.
 *
 * A pooler in transaction mode carries everything but LISTEN, and no prepared statements: make the client with
 * `prepare: false`, and give a `subscriber` that is connected directly, or `false`, which lets followers poll.
 *
 * A key of more than 2,600 bytes, prefix included, is in the table by its beginning and its SHA-256; one with a NUL is
 * refused. The client must not be a transaction: within one, on a client with `max: 1`, a call would wait for the connection
 * that the transaction holds, until `operationTimeout`.
 *
 * @example
 * ```ts postgres
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import type { Effect } from "effect";
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
import { attempt } from "../src/store/attempt.ts";
import type { Codec } from "../src/store/codec.ts";
import type { Effect } from "../src/effect/effect.ts";
import type { AdapterError } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { makeStore } from "./kit/store.ts";
import { postgresBackend } from "./postgres/backend.ts";
import { keyNames } from "./postgres/names.ts";
import {
  type PostgresClient,
  postgresJsCommands,
  type PostgresSubscriber,
} from "./postgres/postgres_js.ts";
import { pruned } from "./postgres/statements.ts";
import { openTable } from "./postgres/table.ts";

export type { PostgresParameter, PostgresRow } from "./postgres/client.ts";
export type { PostgresClient, PostgresSubscriber } from "./postgres/postgres_js.ts";

/** The options of {@linkcode postgresLeases}. */
export interface PostgresLeasesOptions {
  /** The client, which stays the user's own to close. */
  readonly sql: PostgresClient;
  /**
   * The client whose connection listens: `sql` by default. `false`: none does, and followers poll. Behind a pooler in
   * transaction mode it must be one of the two, a client without the pooler or `false`.
   */
  readonly subscriber?: PostgresSubscriber | false | undefined;
  /**
   * The table, as `table` or `schema.table`, spelt the same in every process: `'cache_locking'` by default, and
   * `'cache_locking_leases'` for leases alone. Both names are quoted, so case counts.
   */
  readonly table?: string | undefined;
  /** Whether a table that is missing is made: true by default. Otherwise the error holds the statements that make it. */
  readonly createTable?: boolean | undefined;
  /** What stands before the keys in the table: nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode postgresAdapter}. */
export interface PostgresAdapterOptions extends PostgresLeasesOptions {
  /** How values become text or bytes, each in a column of its own; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes a store of its own, over a client that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function postgresAdapter<V = unknown>(options: PostgresAdapterOptions): Store<V> {
  return storeOf(options) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere, in a table that no {@linkcode postgresAdapter} uses.
 * Keep it in a constant, as callers meet by it. Throws a `TypeError` for options that can't be used.
 */
export function postgresLeases(options: PostgresLeasesOptions): LeasesHalf {
  return leasesHalf(storeOf({ ...options, table: options.table ?? "cache_locking_leases" }));
}

/**
 * Removes all rows whose time is over, a thousand at a time, and gives their number. What writes to the table removes a
 * few each time, which is enough for a table in use; this is for one that is used no more, or was very large.
 */
export function prunePostgres(
  options: Pick<PostgresLeasesOptions, "sql" | "table" | "createTable">,
): Effect.Effect<number, AdapterError> {
  const { sql, table = TABLE, createTable = true } = options;
  const { name, ask } = openTable(postgresJsCommands(sql), table, createTable);
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

function storeOf(
  { sql, subscriber, table = TABLE, createTable = true, keyPrefix, codec }: PostgresAdapterOptions,
): Store<unknown> {
  const commands = postgresJsCommands(sql, subscriber);
  const opened = openTable(commands, table, createTable);
  return makeStore({
    name: "postgres",
    backend: postgresBackend(opened),
    nameOf: keyNames(keyPrefix),
    codec,
    unordered: true,
    push: commands.pushOn(opened.channel),
  });
}
