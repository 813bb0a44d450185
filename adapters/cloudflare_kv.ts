/**
 * The Cloudflare KV adapter: entries in a KV namespace, leases in a D1 database, both through their Workers bindings.
 *
 * A hit is one read of KV. KV tells of a write everywhere only after a minute or so, so that it can't hold leases, and a
 * value that was just filled stays in D1, too, for two minutes: who has missed it in KV finds it there when it asks for
 * the lease. KV keeps nothing for less than a minute; shorter times to live are kept exactly beside the value, by the
 * Workers' own clock.
 *
 * What KV can't promise: for up to a minute after a `delete` or a `set`, other locations may still read the old value.
 * A fill is fenced by D1; if the key is deleted between its write to D1 and that to KV, the fill takes the latter back,
 * unless its Worker is stopped between the two.
 *
 * A value may have 2 MB, the most that D1 keeps in a row; a larger one isn't stored, and the call that fetched it gets it
 * none the less.
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
import { attempt } from "../src/store/attempt.ts";
import { finishAnyway } from "./kit/finish_anyway.ts";
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Clock, Effect } from "../src/effect/effect.ts";
import type { AdapterOperation } from "../src/model/errors.ts";
import { shortened, wellFormed } from "./kit/keys.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import { type SqliteDatabase, sqliteStore } from "./kit/sqlite_store.ts";
import type { Store } from "../src/store/store.ts";

/**
 * What the adapter uses of a [D1 binding](https://developers.cloudflare.com/d1/worker-api/d1-database/). It is declared
 * here, so that no version of Cloudflare's types has to match.
 */
export type D1Database = SqliteDatabase;

/**
 * What the adapter uses of a [KV binding](https://developers.cloudflare.com/kv/api/). It is declared here, so that no
 * version of Cloudflare's types has to match.
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
  /** Its table, `'cache_locking_kv'` by default, and whether it is made where it is missing, as it is by default. */
  readonly leases?:
    | { readonly table?: string | undefined; readonly createTable?: boolean | undefined }
    | undefined;
  /** What keys begin with in the namespace and in the table; nothing by default. */
  readonly keyPrefix?: string | undefined;
  /** How values become text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/** The shortest that KV keeps a value, in milliseconds. */
const SHORTEST = 60_000;

/** The longest that it is told, in milliseconds: 30 years. */
const LONGEST = 1e12;

/** For how long a Worker outlives its response, in milliseconds. */
const OUTLIVES = 30_000;

/** How long a filled value is to be had from D1, in milliseconds: longer than KV's reads lag. */
const LAG = 120_000;

/**
 * Makes the store of a namespace and a database; the same one for the same bindings and options. Throws a `TypeError` for
 * options that can't be used.
 */
export function cloudflareKvAdapter<V = unknown>(options: CloudflareKvAdapterOptions): Store<V> {
  return sharedStore("cloudflare-kv", options, () => makeStore(options)) as Store<V>;
}

function makeStore(options: CloudflareKvAdapterOptions): Store<unknown> {
  const { kv, leasesDb: db, leases = {}, keyPrefix = "" } = options;
  if (typeof kv?.getWithMetadata !== "function" || typeof kv.put !== "function") {
    throw new TypeError(`\`kv\` must be a KV binding, and is ${describe(kv)}`);
  }
  if (typeof db?.prepare !== "function" || typeof db.batch !== "function") {
    throw new TypeError(`\`leasesDb\` must be a D1 binding, and is ${describe(db)}`);
  }
  if (typeof leases !== "object" || leases === null) {
    throw new TypeError(`\`leases\` must be options, and is ${describe(leases)}`);
  }
  const codec = codecOf(options.codec);
  const { table = "cache_locking_kv", createTable = true } = leases;
  const name = "cloudflare-kv";
  const rows = sqliteStore({ name, db, table, createTable, keyPrefix, codec });

  const ask = <A>(operation: AdapterOperation, key: string, run: (name: string) => Promise<A>) =>
    wellFormed(operation, key, () => attempt(operation, key, () => run(nameOf(keyPrefix + key))));
  const put = (operation: "set" | "fill", key: string, value: unknown, ttl: number | undefined) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis;
      const data = yield* encode(codec, operation, key, value);
      const expiry = ttl === undefined ? {} : {
        expirationTtl: Math.ceil(Math.min(Math.max(ttl, SHORTEST), LONGEST) / 1000),
        metadata: { expiresAt: now + ttl },
      };
      yield* ask(operation, key, (name) => kv.put(name, data as string, expiry));
    });
  const putIfFilled = (key: string, owner: string, value: unknown, ttl: number | undefined) =>
    Effect.gen(function* () {
      yield* put("fill", key, value, ttl);
      if (yield* rows.filledBy(key, owner)) return true;
      // A delete, or another value, has come between the two.
      yield* ask("fill", key, (name) => kv.delete(name));
      return false;
    });
  const briefly = (ttl = LAG) => Math.min(ttl, LAG);

  return {
    ...rows,
    get: (key) =>
      Effect.gen(function* () {
        const { value, metadata } = yield* ask(
          "get",
          key,
          (name) => kv.getWithMetadata(name, "arrayBuffer"),
        );
        if (value === null || expiryOf(metadata) <= (yield* Clock.currentTimeMillis)) {
          return undefined;
        }
        return yield* decode(codec, "get", key, new Uint8Array(value));
      }),
    set: (key, value, ttl) =>
      Effect.flatMap(
        rows.set(key, value, briefly(ttl)),
        () => put("set", key, value, ttl),
      ),
    delete: (key) =>
      Effect.flatMap(
        rows.delete(key),
        () => ask("delete", key, (name) => kv.delete(name)),
      ),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        rows.fill(key, owner, value, briefly(ttl)),
        (filled) =>
          filled
            // A write of KV can't be called off, so neither may what looks after it.
            ? finishAnyway("fill", key, putIfFilled(key, owner, value, ttl), {
              gracePeriod: OUTLIVES,
            })
            : Effect.succeed(false),
      ),
  };
}

/** KV takes names of up to 512 bytes, but neither `.` nor `..`. */
function nameOf(key: string): string {
  return shortened(key, key === "." || key === ".." ? 0 : 512);
}

function expiryOf(metadata: unknown): number {
  const { expiresAt } = (metadata ?? {}) as { readonly expiresAt?: unknown };
  return typeof expiresAt === "number" ? expiresAt : Infinity;
}
