/**
 * The Cloudflare KV adapter: entries in a KV namespace, leases in a D1 database, both through their Workers bindings.
 *
 * A hit is one read of KV. Other locations see a write to KV only after a minute or so. So KV can't hold leases, and D1
 * keeps a filled value for two minutes, too, and one with a stale time for all of its life: a caller that misses it in KV finds it in D1 when it asks for the lease.
 * How fresh an entry is stands beside it in KV, and is judged by the Workers' own clock. An `expire` writes what
 * D1 has to KV, whose own value may be older: where another value comes between the two, KV is left without one.
 *
 * KV keeps values for a minute at least. A shorter time to live is kept exactly, beside the value, by the Workers' own
 * clock.
 *
 * Limits: for up to a minute after a `delete` or a `set`, other locations may read the old value. D1 fences a fill. If
 * the key is deleted between the fill's write to D1 and its write to KV, the fill removes the latter, unless its Worker
 * is stopped between the two.
 *
 * A value may have 2 MB: D1 keeps no more in a row. A larger value isn't stored, and its caller gets it anyway.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { cloudflareKvAdapter, type D1Database, type KvNamespace } from "cache-locking/cloudflare-kv";
 *
 * export default {
 *   async fetch(
 *     _request: Request,
 *     env: { readonly KV: KvNamespace; readonly DB: D1Database },
 *     context: { waitUntil(promise: Promise<unknown>): void },
 *   ): Promise<Response> {
 *     const users = Cache.make({
 *       adapter: cloudflareKvAdapter({ kv: env.KV, leasesDb: env.DB }),
 *       cacheTtl: "1 minute",
 *       waitUntil: (work) => context.waitUntil(work),
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
import type { Store } from "../src/store/store.ts";
import { kvBackend, LAG } from "./cloudflare_kv/backend.ts";
import { onD1 } from "./kit/d1.ts";
import { checkMethods, checkOption } from "./kit/options.ts";
import { sqliteStore } from "./kit/sqlite_backend.ts";
import type { CloudflareKvAdapterOptions } from "./cloudflare_kv/options.ts";

export type { CloudflareKvAdapterOptions, KvNamespace } from "./cloudflare_kv/options.ts";
export type { D1Database, D1Statement } from "./kit/d1_database.ts";

/**
 * Makes a store. Bindings may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function cloudflareKvAdapter<V = unknown>(options: CloudflareKvAdapterOptions): Store<V> {
  checkNames(options, "kv", "leasesDb", "leases.table", "leases.createTable", "keyPrefix", "codec");
  const { kv, leasesDb: db, leases = {}, keyPrefix, codec } = options;
  checkMethods("kv", ["getWithMetadata", "put"], "a KV binding", kv);
  checkMethods("leasesDb", ["prepare", "batch"], "a D1 binding", db);
  checkOption("leases", typeof leases === "object" && leases !== null, "options", leases);
  const { table = "cache_locking_kv", createTable } = leases;
  return sqliteStore({
    ...onD1(db),
    name: "cloudflare-kv",
    table,
    createTable,
    keyPrefix,
    codec,
    longest: LAG,
    backendOf: (rows) => kvBackend(kv, rows),
  }) as Store<V>;
}
