import type { CacheLockingError } from "./promise_errors.ts";
import type { BatchContext, CommonManyOptions, FetchedBatch } from "./common_many_options.ts";
import type { CacheOutcome } from "../model/cache_outcome.ts";
import type { ClientOptions, CommonOptions } from "./common_options.ts";
import type { FetchContext } from "../model/fetch_context.ts";

/**
 * Milliseconds, text such as `'5 seconds'`, or parts that are added up, such as `{ minutes: 1, seconds: 30 }`. `Infinity`
 * is a duration, too.
 */
export type Duration = number | `${number} ${DurationUnit}` | "Infinity" | DurationParts;

/** The units of a {@linkcode Duration} that is text. */
export type DurationUnit =
  | "nano"
  | "nanos"
  | "micro"
  | "micros"
  | "milli"
  | "millis"
  | "second"
  | "seconds"
  | "minute"
  | "minutes"
  | "hour"
  | "hours"
  | "day"
  | "days"
  | "week"
  | "weeks";

/** The parts of a {@linkcode Duration}, as a `Temporal.Duration` has them. */
export interface DurationParts {
  /** Weeks of seven days. */
  readonly weeks?: number | undefined;
  /** Days of 24 hours. */
  readonly days?: number | undefined;
  /** Hours. */
  readonly hours?: number | undefined;
  /** Minutes. */
  readonly minutes?: number | undefined;
  /** Seconds. */
  readonly seconds?: number | undefined;
  /** Milliseconds. */
  readonly milliseconds?: number | undefined;
  /** Microseconds. */
  readonly microseconds?: number | undefined;
  /** Nanoseconds. */
  readonly nanoseconds?: number | undefined;
}

/** Fetches the value of a key that isn't cached. What it throws, or rejects with, fails the call as it is. */
export type Fetcher<V> = (context: FetchContext) => V | PromiseLike<V>;

/**
 * Fetches the values of keys that aren't cached. A key that has none fails, unless the option `absent` has a value for it.
 * What it finds for other keys is dropped. What it throws, or rejects with, fails those keys as it is.
 */
export type BatchFetcher<K, V> = (
  context: BatchContext<K>,
) => FetchedBatch<K, V> | PromiseLike<FetchedBatch<K, V>>;

/** How a call got its value. */
export interface CacheMeta {
  /** The outcome. */
  readonly cache: CacheOutcome;
  /** The end of the call's own or awaited lease, as it was last known: epoch milliseconds by this machine's clock. */
  readonly leaseUntil?: number | undefined;
  /** How many milliseconds the call waited for others. */
  readonly waited?: number | undefined;
  /** For how many milliseconds the value has been stale: with `STALE` and `STALE-ERROR`. */
  readonly staleFor?: number | undefined;
  /** `'l1'` for a hit in the L1 of this process. */
  readonly tier?: "l1" | undefined;
}

/** The result of `getOrSetResult`. */
export interface GetOrSetResult<V> {
  /** The value, cached or fetched. */
  readonly value: V;
  /** How the call got it. */
  readonly meta: CacheMeta;
}

/** An entry, as `getEntry` answers it. */
export interface CacheEntry<V> {
  /** The value, which may be `undefined` or `null` like any other. */
  readonly value: V;
}

/** The context of every hook. */
export interface HookContext {
  /** The key of the call. */
  readonly key: string;
}

/** The context of `onLeader`. */
export interface LeaderHookContext extends HookContext {
  /** The end of the lease, as it was last known: epoch milliseconds. */
  readonly leaseUntil: number;
  /** Whether the value is stored. */
  readonly cached: boolean;
}

/** The context of `onFallback`. */
export interface FallbackHookContext extends HookContext {
  /** The end of the lease that the caller waited for, as it was last known: epoch milliseconds; 0 if none is known. */
  readonly leaseUntil: number;
  /** How many milliseconds the caller waited. */
  readonly waited: number;
}

/** The context of `onFollowerWait`. */
export interface FollowerWaitHookContext extends FallbackHookContext {
  /** How the wait ended. */
  readonly outcome: "HIT" | "FALLBACK";
}

/** The context of `onStale`. */
export interface StaleHookContext extends HookContext {
  /** For how many milliseconds the value has been stale. */
  readonly staleFor: number;
  /**
   * `'refreshing'`: it is refreshed, or was tried to lately; `'slow'`: this caller has waited for `waitMax`; `'failed'`: its
   * fetch or the cache has failed, or a fetch has failed lately.
   */
  readonly reason: "refreshing" | "slow" | "failed";
  /** What has failed, if that is known here. */
  readonly error?: unknown;
}

/**
 * Functions that run at the steps of a call, by its own outcome, before its result. One that returns a promise is waited
 * for. One that throws, or rejects, fails the call with what it threw.
 */
export interface Hooks<V> {
  /** The entry was in the cache. */
  readonly onHit?: ((value: V, context: HookContext) => unknown) | undefined;
  /** This caller fetched. */
  readonly onLeader?: ((value: V, context: LeaderHookContext) => unknown) | undefined;
  /** This caller waited for a leader, and its wait has ended. */
  readonly onFollowerWait?: ((context: FollowerWaitHookContext) => unknown) | undefined;
  /** This caller got the value of a fallback fetch. */
  readonly onFallback?: ((value: V, context: FallbackHookContext) => unknown) | undefined;
  /** This caller got the value of a fetch in place of a cache that has failed. */
  readonly onBypass?: ((value: V, context: HookContext) => unknown) | undefined;
  /** This caller got a stale value. */
  readonly onStale?: ((value: V, context: StaleHookContext) => unknown) | undefined;
  /** How this caller got its value, whatever the outcome; after the outcome's own hook. */
  readonly onOutcome?: ((meta: CacheMeta, context: HookContext) => unknown) | undefined;
  /**
   * A failure that does not fail the call: of a fill, a release, a renewal or a watch, an entry that can't be decoded, or a
   * fill that is refused, as its lease has expired or the key was set or deleted.
   * Without this hook, `console.warn` prints a line. It may run after its caller has left.
   */
  readonly onError?: ((error: CacheLockingError, context: HookContext) => unknown) | undefined;
}

/** The context of a wait strategy. Times are in milliseconds. */
export interface WaitStrategyContext {
  /** The number of this call of the strategy, from 1: in this wait, or since it is known that there is no push. */
  readonly attempt: number;
  /** How long the follower has waited. */
  readonly elapsed: number;
  /** How much longer it may wait. */
  readonly remaining: number;
  /** The option `waitMax`. */
  readonly waitMax: number;
  /** The option `waitStep`. */
  readonly waitStep: number;
  /** Whether the store wakes the follower by push, or will as soon as its watch is open: looks are a precaution then. */
  readonly push: boolean;
}

/**
 * Returns the pause of a follower before its next look. A push, the end of the lease or the end of `waitMax` ends the pause
 * earlier. A pause is at least 10 ms.
 */
export type WaitStrategy = (context: WaitStrategyContext) => Duration;

/** The options of a call, and the defaults of a cache. */
export interface CallOptions<V> extends CommonOptions<V, Duration, WaitStrategy> {
  /** Functions that run at the steps of the call. */
  readonly hooks?: Hooks<V> | undefined;
}

/** The options of `getOrSetMany` and `getOrSetAll`. */
export interface ManyOptions<V> extends CallOptions<V>, CommonManyOptions<V, Duration> {}

/** How the calls for many keys ended, in the order of the keys: each has its value, or its own failure. */
export type ManyResults<K, V> = ReadonlyMap<K, PromiseSettledResult<GetOrSetResult<V>>>;

/** An adapter as a function of a subpath makes it: `redisAdapter(options)`. Its inside is the library's own. */
export interface Adapter {
  /** The backend's name. */
  readonly name: string;
  /** The library's own. */
  acquire(...args: never[]): unknown;
  /** The library's own. */
  fill(...args: never[]): unknown;
}

/** A leases half as a function of a subpath makes it: `redisLeases(options)`. Its inside is the library's own. */
export interface Leases {
  /** The library's own. */
  acquire(...args: never[]): unknown;
  /** The library's own. */
  release(...args: never[]): unknown;
}

/** The options of `createCache`. `Config` is the type of the package's adapter configs. */
export interface CacheOptions<Config>
  extends CallOptions<unknown>, ClientOptions<unknown, Duration> {
  /** `'memory'`, a config `{ type, options }`, or an adapter that a subpath made. */
  readonly adapter: Config | Adapter;
  /** Keeps the leases in another backend, or for an adapter that keeps none. */
  readonly leases?: Leases | undefined;
}

/** The options of `wrap`. */
export interface WrapOptions<Args extends unknown[], V> extends CallOptions<V> {
  /** The key of a call, by its arguments. */
  readonly key: (...args: Args) => string;
}
