/**
 * The Cloudflare D1 adapter: entries and leases in one table of a D1 database, through its Workers binding.
 *
 * A key is one row: its entry, or its lease. Every operation is one round trip and one transaction, and time is the
 * database's. D1 has no push: followers poll. Each fill removes up to ten dead rows of other keys.
 *
 * A value may have 2 MB, the most that D1 keeps in a row; a larger one isn't stored, and the call that fetched it gets it
 * none the less.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { cloudflareD1Adapter, type D1Database } from "cache-locking/cloudflare-d1";
 *
 * export default {
 *   async fetch(_request: Request, env: { readonly DB: D1Database }): Promise<Response> {
 *     const users = Cache.make({
 *       adapter: cloudflareD1Adapter({ db: env.DB }),
 *       cacheTtl: "1 minute",
 *     });
 *     const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *     return Response.json((await Effect.runPromise(user)).value);
 *   },
 * };
 * ```
 *
 * @module
 */
import type { Codec } from "../src/store/codec.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { checkOption, hasMethods } from "./kit/options.ts";
import {
  explainSqlite,
  sqliteBackend,
  type SqliteDatabase,
  sqliteNames,
} from "./kit/sqlite_backend.ts";
import { makeStore } from "./kit/store.ts";

/**
 * What the adapter uses of a [D1 binding](https://developers.cloudflare.com/d1/worker-api/d1-database/). It is declared
 * here, so that no version of Cloudflare's types has to match.
 */
export type D1Database = SqliteDatabase;

/** The options of {@linkcode cloudflareD1Leases}. */
export interface CloudflareD1LeasesOptions {
  /** The binding. */
  readonly db: D1Database;
  /** The table; `'cache_locking'` by default. Two adapters with the same table have the same entries and leases. */
  readonly table?: string | undefined;
  /** Whether the table is made where it is missing; it is by default. Otherwise the error holds the statements. */
  readonly createTable?: boolean | undefined;
  /** What keys begin with in the table; nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode cloudflareD1Adapter}. */
export interface CloudflareD1AdapterOptions extends CloudflareD1LeasesOptions {
  /** How values become text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes a store of its own, over a database that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function cloudflareD1Adapter<V = unknown>(options: CloudflareD1AdapterOptions): Store<V> {
  return storeOf(options) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere; in the table `'cache_locking_leases'` by default.
 * Throws a `TypeError` for options that can't be used.
 */
export function cloudflareD1Leases(options: CloudflareD1LeasesOptions): LeasesHalf {
  const { table = "cache_locking_leases" } = options;
  return leasesHalf(cloudflareD1Adapter({ ...options, table }));
}

function storeOf(
  { db, table = "cache_locking", createTable = true, keyPrefix, codec }: CloudflareD1AdapterOptions,
): Store<unknown> {
  checkOption("db", hasMethods(db, "prepare", "batch"), "a D1 binding", db);
  return makeStore({
    name: "cloudflare-d1",
    backend: sqliteBackend({ db, table, createTable }),
    nameOf: sqliteNames(keyPrefix),
    codec,
    unordered: true,
    explain: explainSqlite,
  });
}
