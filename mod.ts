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
import { memoryAdapter, type MemoryAdapterOptions } from "./adapters/memory.ts";
import type { RedisAdapterOptions } from "./adapters/redis.ts";
import { type CacheModule, makeCacheModule } from "./src/client.ts";
import { describe } from "./src/describe.ts";
import { lazyStore } from "./src/lazy_store.ts";
import { sharedStore } from "./src/shared_store.ts";
import type { Store } from "./src/store.ts";

/** The config of the memory adapter: one store per config object. */
export interface MemoryAdapterConfig {
  /** Which adapter. */
  readonly type: "memory";
  /** Its options. */
  readonly options?: MemoryAdapterOptions | undefined;
}

/** The config of the Redis adapter: one store for the same client and options. */
export interface RedisAdapterConfig {
  /** Which adapter. */
  readonly type: "redis";
  /** Its options. */
  readonly options: RedisAdapterOptions;
}

/** What configures an adapter: its type and its options. The code of all but the memory adapter is loaded on first use. */
export type AdapterConfig = MemoryAdapterConfig | RedisAdapterConfig;

type Adapters = {
  readonly [Config in AdapterConfig as Config["type"]]: (
    options: NonNullable<Config["options"]>,
  ) => Store<unknown>;
};

const adapters: Adapters = {
  memory: (options) => memoryAdapter(options),
  redis: remote(
    "redis",
    "client",
    (options) => import("./adapters/redis.ts").then(({ redisAdapter }) => redisAdapter(options)),
    { push: true },
  ),
};

/** An adapter that is loaded on first use. `needs`: the option that it can't do without. */
function remote<Options extends object>(
  name: string,
  needs: keyof Options & string,
  load: (options: Options) => Promise<Store<unknown>>,
  { push }: { readonly push: boolean },
): (options: Options) => Store<unknown> {
  return (options) => {
    const needed: unknown = options[needs];
    if (needed === undefined || needed === null) {
      throw new TypeError(`\`${needs}\` must be given, and is ${describe(needed)}`);
    }
    return sharedStore(
      `${name}, loaded`,
      options,
      () => lazyStore(name, () => load(options), { push }),
    );
  };
}

const shared = memoryAdapter();
const opened = new WeakMap<object, Store<unknown>>();

function open(config: unknown): Store<unknown> | undefined {
  if (config === "memory") return shared;
  if (typeof config !== "object" || config === null) return undefined;
  const known = opened.get(config);
  if (known !== undefined) return known;
  const { type, options } = config as { readonly type?: unknown; readonly options?: object };
  if (typeof type !== "string" || !Object.hasOwn(adapters, type)) return undefined;
  const store = adapters[type as keyof Adapters]((options ?? {}) as never);
  opened.set(config, store);
  return store;
}

/** The entry points: {@linkcode CacheModule.getOrSet} for one call, {@linkcode CacheModule.make} for a client. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(open);

export type { MemoryAdapterOptions } from "./adapters/memory.ts";
export type { RedisAdapterOptions, RedisClient, RedisSubscriber } from "./adapters/redis.ts";
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
