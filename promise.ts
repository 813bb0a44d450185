/**
 * cache-locking in promises: the same caches, for programs that don't use Effect.
 *
 * {@linkcode createCache} makes a cache. Its `getOrSet` gets the value of a key. On a miss, one caller of all, in all
 * processes, fetches it; the others wait for a limited time and get the value.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createCache } from "cache-locking/promise";
 *
 * const users = createCache({ adapter: "memory", cacheTtl: "1 minute" });
 *
 * let fetches = 0;
 * const user = (id: string) => users.getOrSet(id, async () => ({ id, fetch: ++fetches }));
 *
 * const herd = await Promise.all(Array.from({ length: 1000 }, () => user("42")));
 * assert.deepEqual(herd[999], { id: "42", fetch: 1 });
 * ```
 *
 * @module
 */
import type { AdapterConfig } from "./adapters/remote/configs.ts";
import { open } from "./adapters/remote/open.ts";
import { createCacheOf } from "./src/face/promise.ts";
import type { CreateCache } from "./src/face/promise_cache.ts";

/** Makes a cache. It throws a {@linkcode CacheLockingError} with the code `VALIDATION_ERROR` for bad options. */
export const createCache: CreateCache<"memory" | AdapterConfig> = createCacheOf(open);

export type {
  AdapterConfig,
  MemoryAdapterConfig,
  RemoteAdapterConfig,
} from "./adapters/remote/configs.ts";
export { CacheOutcome } from "./src/model/cache_outcome.ts";
export {
  AdapterError,
  type AdapterErrorOptions,
  type AdapterOperation,
  type ErrorContext,
  formatCacheLockingError,
  type Phase,
} from "./src/model/errors.ts";
export type { Metrics } from "./src/model/metrics.ts";
export type {
  ClientOptions,
  CommonOptions,
  FailureCodec,
  FailuresOptions,
  L1Options,
} from "./src/face/common_options.ts";
export type { Codec } from "./src/store/codec.ts";
export type { FetchContext } from "./src/model/fetch_context.ts";
export type {
  BatchContext,
  CommonManyOptions,
  FetchedBatch,
  KeyOption,
  SetManyOptions,
} from "./src/face/common_many_options.ts";
export type { CreateCache, PromiseCache } from "./src/face/promise_cache.ts";
export {
  CacheLockingError,
  type CacheLockingErrorClass,
  type CacheLockingErrorCode,
} from "./src/face/promise_errors.ts";
export type {
  Adapter,
  BatchFetcher,
  CacheEntry,
  CacheMeta,
  CacheOptions,
  CallOptions,
  Duration,
  DurationParts,
  DurationUnit,
  FallbackHookContext,
  Fetcher,
  FollowerWaitHookContext,
  GetOrSetResult,
  HookContext,
  Hooks,
  LeaderHookContext,
  Leases,
  ManyOptions,
  ManyResults,
  StaleHookContext,
  WaitStrategy,
  WaitStrategyContext,
  WrapOptions,
} from "./src/face/promise_options.ts";
export type { CacheStats } from "./src/model/stats.ts";
export type { Closable } from "./src/model/closable.ts";
export {
  backoffWaitStrategy,
  type BackoffWaitStrategyOptions,
  fixedWaitStrategy,
} from "./src/face/promise_strategies.ts";
