/**
 * The Cloudflare KV adapter: entries in a KV namespace, leases in a D1 database, both through their Workers bindings.
 *
 * A hit is one read of KV. Other locations see a write to KV only after a minute or so. So KV can't hold leases, and D1
 * keeps a filled value for two minutes, too: a caller that misses it in KV finds it in D1 when it asks for the lease.
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
import type { Codec } from "../src/store/codec.ts";
import type { Store } from "../src/store/store.ts";
import type { Backend, Written } from "./kit/backend.ts";
import { shortened } from "./kit/keys.ts";
import { checkOption, hasMethods } from "./kit/options.ts";
import {
  explainSqlite,
  type SqliteBackend,
  sqliteBackend,
  type SqliteDatabase,
  sqliteNames,
} from "./kit/sqlite_backend.ts";
import { makeStore } from "./kit/store.ts";

/**
 * The methods that the adapter uses of a [D1 binding](https://developers.cloudflare.com/d1/worker-api/d1-database/). It
 * is declared here, so that no version of Cloudflare's types has to match.
 */
export type D1Database = SqliteDatabase;

/**
 * The methods that the adapter uses of a [KV binding](https://developers.cloudflare.com/kv/api/). It is declared here,
 * so that no version of Cloudflare's types has to match.
 */
export interface KvNamespace {
  /** [Reads a value and its metadata.](https://developers.cloudflare.com/kv/api/read-key-value-pairs/) */
  getWithMetadata(
    key: string,
    type: "arrayBuffer",
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>;
  /** [Writes a value.](https://developers.cloudflare.com/kv/api/write-key-value-pairs/) */
  put(
    key: string,
    value: string | Uint8Array,
    options: { expirationTtl?: number; metadata?: unknown },
  ): Promise<void>;
  /** [Deletes a value.](https://developers.cloudflare.com/kv/api/delete-key-value-pairs/) */
  delete(key: string): Promise<void>;
}

/** The options of {@linkcode cloudflareKvAdapter}. */
export interface CloudflareKvAdapterOptions {
  /** The binding of the namespace that keeps the entries. */
  readonly kv: KvNamespace;
  /** The binding of the D1 database that keeps the leases. */
  readonly leasesDb: D1Database;
  /** The table in it, `'cache_locking_kv'` by default, and whether the adapter creates it; true by default. */
  readonly leases?:
    | { readonly table?: string | undefined; readonly createTable?: boolean | undefined }
    | undefined;
  /** The prefix of keys in the namespace and in the table; none by default. */
  readonly keyPrefix?: string | undefined;
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/** The shortest lifetime that KV accepts, in milliseconds. */
const SHORTEST = 60_000;

/** The longest lifetime that the adapter sends, in milliseconds: 30 years. */
const LONGEST = 1e12;

/** How long D1 keeps a filled value, in milliseconds: longer than KV's reads lag. */
const LAG = 120_000;

/**
 * Makes a store. Bindings may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function cloudflareKvAdapter<V = unknown>(options: CloudflareKvAdapterOptions): Store<V> {
  const { kv, leasesDb: db, leases = {}, keyPrefix, codec } = options;
  checkOption("kv", hasMethods(kv, "getWithMetadata", "put"), "a KV binding", kv);
  checkOption("leasesDb", hasMethods(db, "prepare", "batch"), "a D1 binding", db);
  checkOption("leases", typeof leases === "object" && leases !== null, "options", leases);
  const { table = "cache_locking_kv", createTable = true } = leases;
  return makeStore({
    name: "cloudflare-kv",
    backend: kvBackend(kv, sqliteBackend({ db, table, createTable })),
    nameOf: sqliteNames(keyPrefix),
    codec,
    unordered: true,
    explain: explainSqlite,
  }) as Store<V>;
}

/** Keeps entries in KV; leases and just filled values in rows. */
function kvBackend(kv: KvNamespace, rows: SqliteBackend): Backend {
  const put = (name: string, { data, ttl }: Written) => kv.put(nameOf(name), data, expiryOf(ttl));
  const briefly = ({ data, ttl = LAG }: Written) => ({ data, ttl: Math.min(ttl, LAG) });
  return {
    take: rows.take,
    renew: rows.renew,
    release: rows.release,
    async read({ name }) {
      const { value, metadata } = await kv.getWithMetadata(nameOf(name), "arrayBuffer");
      const isThere = value !== null && endOf(metadata) > Date.now();
      return isThere ? { data: new Uint8Array(value) } : undefined;
    },
    async write(target, written) {
      await rows.write(target, briefly(written));
      await put(target.name, written);
    },
    async remove(target) {
      await rows.remove(target);
      await kv.delete(nameOf(target.name));
    },
    async fill(target, { owner, ...filled }) {
      if (!await rows.fill(target, { owner, ...briefly(filled) })) return false;
      await put(target.name, filled);
      if (await rows.filledBy(target, owner)) return true;
      // A delete, or another value, has come between the two.
      await kv.delete(nameOf(target.name));
      return false;
    },
  };
}

function expiryOf(ttl: number | undefined) {
  return ttl === undefined ? {} : {
    expirationTtl: Math.ceil(Math.min(Math.max(ttl, SHORTEST), LONGEST) / 1000),
    metadata: { expiresAt: Date.now() + ttl },
  };
}

/** KV takes names of up to 512 bytes, but neither `.` nor `..`. */
function nameOf(key: string): string {
  return shortened(key, key === "." || key === ".." ? 0 : 512);
}

function endOf(metadata: unknown): number {
  const { expiresAt } = (metadata ?? {}) as { readonly expiresAt?: unknown };
  return typeof expiresAt === "number" ? expiresAt : Infinity;
}
