/**
 * One fetch per herd: a cache whose misses are led by one caller, whatever the number of callers and processes.
 *
 * {@linkcode Cache.getOrSet} gets the entry of a key. On a miss it takes a short-lived lease on the key, in the backend
 * that the cache lives in; the caller that gets it, the leader, fetches and fills; all others, in this process and in
 * every other one, wait a bounded time and get the value.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 *
 * let fetches = 0;
 * const program = Cache.getOrSet({
 *   adapter: "memory",
 *   key: "user:42",
 *   cacheTtl: "1 minute",
 *   fetcher: () => Effect.sync(() => ({ name: "Ada", fetch: ++fetches })),
 * });
 *
 * const herd = Effect.all(Array.from({ length: 1000 }, () => program), {
 *   concurrency: "unbounded",
 * });
 *
 * const results = await Effect.runPromise(herd);
 * assert.equal(fetches, 1);
 * assert.equal(results[0].meta.cache, "MISS-LEADER");
 * ```
 *
 * @module
 */
import type { CloudflareD1AdapterOptions } from "./adapters/cloudflare_d1.ts";
import type { CloudflareKvAdapterOptions } from "./adapters/cloudflare_kv.ts";
import type { DynamodbAdapterOptions } from "./adapters/dynamodb.ts";
import type { MemcachedAdapterOptions } from "./adapters/memcached.ts";
import { memoryAdapter, type MemoryAdapterOptions } from "./adapters/memory.ts";
import type { MongodbAdapterOptions } from "./adapters/mongodb.ts";
import type { PostgresAdapterOptions } from "./adapters/postgres.ts";
import type { R2AdapterOptions } from "./adapters/r2.ts";
import type { RedisAdapterOptions } from "./adapters/redis.ts";
import type { S3AdapterOptions } from "./adapters/s3.ts";
import { type CacheModule, makeCacheModule } from "./src/client.ts";
import { openerOf } from "./src/open_adapter.ts";

/** The config of the memory adapter: one store per config object. */
export interface MemoryAdapterConfig {
  /** Which adapter. */
  readonly type: "memory";
  /** Its options. */
  readonly options?: MemoryAdapterOptions | undefined;
}

/** The config of an adapter whose code is loaded on first use: one store for the same clients and options. */
export interface RemoteAdapterConfig<Type extends string, Options> {
  /** Which adapter. */
  readonly type: Type;
  /** Its options. */
  readonly options: Options;
}

/** What configures an adapter: its type and its options. */
export type AdapterConfig =
  | MemoryAdapterConfig
  | RemoteAdapterConfig<"cloudflare-d1", CloudflareD1AdapterOptions>
  | RemoteAdapterConfig<"cloudflare-kv", CloudflareKvAdapterOptions>
  | RemoteAdapterConfig<"dynamodb", DynamodbAdapterOptions>
  | RemoteAdapterConfig<"memcached", MemcachedAdapterOptions>
  | RemoteAdapterConfig<"mongodb", MongodbAdapterOptions>
  | RemoteAdapterConfig<"postgres", PostgresAdapterOptions>
  | RemoteAdapterConfig<"r2", R2AdapterOptions>
  | RemoteAdapterConfig<"redis", RedisAdapterOptions>
  | RemoteAdapterConfig<"s3", S3AdapterOptions>;

type RemoteConfig = Exclude<AdapterConfig, MemoryAdapterConfig>;

/** The option that each adapter which is loaded on first use can't do without. */
const needs: { readonly [Config in RemoteConfig as Config["type"]]: keyof Config["options"] } = {
  "cloudflare-d1": "db",
  "cloudflare-kv": "kv",
  dynamodb: "client",
  memcached: "client",
  mongodb: "collection",
  postgres: "sql",
  r2: "bucket",
  redis: "client",
  s3: "client",
};

/** The entry points: {@linkcode CacheModule.getOrSet} for one call, {@linkcode CacheModule.make} for a client. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(
  openerOf({ memory: memoryAdapter }, {
    needs,
    load: async (type, options) =>
      (await import("./remote_adapters.ts")).loadAdapter(type, options as never),
  }),
);

export type { CloudflareD1AdapterOptions, D1Database } from "./adapters/cloudflare_d1.ts";
export type { CloudflareKvAdapterOptions, KvNamespace } from "./adapters/cloudflare_kv.ts";
export type {
  DynamodbAdapterOptions,
  DynamodbAttributes,
  DynamodbClient,
} from "./adapters/dynamodb.ts";
export type { MemcachedAdapterOptions, MemcachedClient } from "./adapters/memcached.ts";
export type { MemoryAdapterOptions } from "./adapters/memory.ts";
export type {
  MongodbAdapterOptions,
  MongodbChangeStream,
  MongodbCollection,
} from "./adapters/mongodb.ts";
export type {
  PostgresAdapterOptions,
  PostgresClient,
  PostgresParameter,
  PostgresRow,
  PostgresSubscriber,
} from "./adapters/postgres.ts";
export type { R2AdapterOptions, R2Bucket, R2Client } from "./adapters/r2.ts";
export type { RedisAdapterOptions, RedisClient, RedisSubscriber } from "./adapters/redis.ts";
export type { S3AdapterOptions, S3Client } from "./adapters/s3.ts";
export type { FetchContext } from "./src/call.ts";
export type { CacheClient, CacheModule } from "./src/client.ts";
export type { Codec } from "./src/codec.ts";
export type { DurationInput } from "./src/duration.ts";
export {
  AdapterError,
  type AdapterErrorOptions,
  type AdapterOperation,
  type CacheLockingError,
  type CacheLockingErrorHandlers,
  type CacheLockingErrorTag,
  type ErrorContext,
  formatCacheLockingError,
  isAdapterError,
  isCacheLockingError,
  matchCacheLockingError,
  type Phase,
  type TaggedCacheLockingError,
} from "./src/errors.ts";
export type { CacheHalf, Halves, LeaseAnswer, LeasesHalf, ReadyAnswer } from "./src/halves.ts";
export type {
  FallbackHookContext,
  FollowerWaitHookContext,
  HookContext,
  HookEffect,
  HookResult,
  Hooks,
  HooksError,
  HooksServices,
  LeaderHookContext,
  NoHooks,
} from "./src/hooks.ts";
export type {
  AdapterOptions,
  CallOptions,
  Fetcher,
  GetOrSetOptions,
  HooksOptions,
} from "./src/options.ts";
export { type CacheMeta, CacheOutcome, type GetOrSetResult } from "./src/outcome.ts";
export type {
  Acquired,
  Ended,
  Entry,
  Follower,
  Hit,
  Leader,
  LeaseOutcome,
  Store,
  Watch,
} from "./src/store.ts";
export {
  backoffWaitStrategy,
  type BackoffWaitStrategyOptions,
  fixedWaitStrategy,
  type WaitStrategy,
  type WaitStrategyContext,
} from "./src/wait_strategy.ts";
