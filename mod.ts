/**
 * Prevents cache stampedes (thundering herds, dogpiles): one fetch for each cold key, whatever the number of callers and
 * processes.
 *
 * {@linkcode Cache.getOrSet} gets the entry of a key. On a miss, one caller takes a short-lived lease on the key, in the
 * backend that holds the cache. This caller, the leader, fetches the value and stores it. All other callers, in all
 * processes, wait for a limited time and get the value.
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
import type { AdapterConfig } from "./adapters/remote/configs.ts";
import { open } from "./adapters/remote/open.ts";
import { type CacheModule, makeCacheModule } from "./src/face/client.ts";

/** The entry points: {@linkcode CacheModule.getOrSet} for one call, {@linkcode CacheModule.make} for a client. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(open);

export type {
  AdapterConfig,
  MemoryAdapterConfig,
  RemoteAdapterConfig,
} from "./adapters/remote/configs.ts";
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
  PgPool,
  PostgresAdapterOptions,
  PostgresClient,
  PostgresParameter,
  PostgresRow,
  PostgresSubscriber,
} from "./adapters/postgres.ts";
export type { R2AdapterOptions, R2Bucket, R2Client } from "./adapters/r2.ts";
export type {
  IoredisClient,
  IoredisSubscriber,
  NodeRedisClient,
  NodeRedisSubscriber,
  RedisAdapterOptions,
  RedisClient,
  RedisSubscriber,
} from "./adapters/redis.ts";
export type { S3AdapterOptions, S3Client } from "./adapters/s3.ts";
export type { SqliteAdapterOptions, SqliteConnection } from "./adapters/sqlite.ts";
export type { Metrics } from "./src/model/metrics.ts";
export type {
  ClientOptions,
  CommonOptions,
  FailureCodec,
  FailuresOptions,
  L1Options,
} from "./src/face/common_options.ts";
export type {
  BatchContext,
  CommonManyOptions,
  FetchedBatch,
  KeyOption,
  SetManyOptions,
} from "./src/face/common_many_options.ts";
export type { BatchFetcher, ManyOptions, ManyResults } from "./src/face/many_options.ts";
export type { FetchContext } from "./src/model/fetch_context.ts";
export type { CacheClient, CacheModule, MakeOptions } from "./src/face/client.ts";
export type { ServiceTag } from "./src/effect/layer.ts";
export type { Codec } from "./src/store/codec.ts";
export type { DurationInput } from "./src/model/duration.ts";
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
} from "./src/model/errors.ts";
export type {
  CacheHalf,
  Halves,
  LeaseAnswer,
  LeasesHalf,
  ReadyAnswer,
} from "./src/store/halves.ts";
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
  StaleHookContext,
} from "./src/model/hooks.ts";
export type {
  AdapterOptions,
  CallOptions,
  Fetcher,
  GetOrSetOptions,
  HooksOptions,
} from "./src/face/options.ts";
export { type CacheMeta, CacheOutcome, type GetOrSetResult } from "./src/model/outcome.ts";
export type { CacheStats } from "./src/model/stats.ts";
export type { Closable } from "./src/model/closable.ts";
export type {
  Acquired,
  AcquireOptions,
  Changes,
  ChangesListener,
  Ended,
  Entry,
  Failed,
  Failure,
  Follower,
  Hit,
  L1Settings,
  Leader,
  LeaseOutcome,
  Lifetime,
  OnMany,
  Store,
  StoreOfMany,
  Watch,
} from "./src/store/store.ts";
export {
  backoffWaitStrategy,
  type BackoffWaitStrategyOptions,
  fixedWaitStrategy,
  type WaitStrategy,
  type WaitStrategyContext,
} from "./src/model/wait_strategy.ts";
