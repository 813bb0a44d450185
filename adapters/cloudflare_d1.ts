/**
 * The Cloudflare D1 adapter: entries and leases in one table of a D1 database, through its Workers binding.
 *
 * A key is one row, with its entry, its lease, or both. Every operation is one transaction, so one round trip. The database's
 * clock decides when they expire. D1 has no push: followers poll. Each fill removes up to ten expired rows of other
 * keys.
 *
 * A value may have 2 MB: D1 keeps no more in a row. A larger value isn't stored, and its caller gets it anyway.
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
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { onD1 } from "./kit/d1.ts";
import { checkMethods } from "./kit/options.ts";
import { sqliteStore } from "./kit/sqlite_backend.ts";
import type {
  CloudflareD1AdapterOptions,
  CloudflareD1LeasesOptions,
} from "./cloudflare_d1/options.ts";

export type {
  CloudflareD1AdapterOptions,
  CloudflareD1LeasesOptions,
} from "./cloudflare_d1/options.ts";
export type { D1Database, D1Statement } from "./kit/d1_database.ts";

/**
 * Makes a store. A database may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function cloudflareD1Adapter<V = unknown>(options: CloudflareD1AdapterOptions): Store<V> {
  checkNames(options, "db", "table", "createTable", "keyPrefix", "codec");
  const { db, table = "cache_locking" } = options;
  checkMethods("db", ["prepare", "batch"], "a D1 binding", db);
  return sqliteStore({ ...options, ...onD1(db), name: "cloudflare-d1", table }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend, in the table `'cache_locking_leases'` by default. Throws a
 * `TypeError` for bad options.
 */
export function cloudflareD1Leases(options: CloudflareD1LeasesOptions): LeasesHalf {
  const { table = "cache_locking_leases" } = options;
  return leasesHalf(cloudflareD1Adapter({ ...options, table }));
}
