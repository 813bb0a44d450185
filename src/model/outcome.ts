import type { CacheOutcome } from "./cache_outcome.ts";
import type * as Duration from "effect/Duration";

export { CacheOutcome } from "./cache_outcome.ts";

/** How a call got its value. */
export interface CacheMeta {
  /** The outcome. */
  readonly cache: CacheOutcome;
  /** The end of the call's own or awaited lease, as it was last known: epoch milliseconds by this machine's clock. */
  readonly leaseUntil?: number | undefined;
  /** How long the call waited for others. */
  readonly waited?: Duration.Duration | undefined;
  /** For how long the value has been stale: with `STALE` and `STALE-ERROR`. */
  readonly staleFor?: Duration.Duration | undefined;
  /** `'l1'` for a hit in the L1 of this process. */
  readonly tier?: "l1" | undefined;
}

/** The result of `getOrSet`. */
export interface GetOrSetResult<V> {
  /** The value, cached or fetched. */
  readonly value: V;
  /** How the call got it. */
  readonly meta: CacheMeta;
}
