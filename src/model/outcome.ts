import type { Duration } from "../effect/effect.ts";

/** How a call got its value. */
export const CacheOutcome: {
  /** The entry was there. */
  readonly HIT: "HIT";
  /** This caller led: it fetched, and the value is stored. */
  readonly MISS_LEADER: "MISS-LEADER";
  /** This caller led, and the value is not stored: by `shouldCache` or a zero TTL, a lost lease, or a failed fill. */
  readonly MISS_LEADER_NOCACHE: "MISS-LEADER-NOCACHE";
  /** This caller waited and got the value of another's fetch. */
  readonly MISS_FOLLOWER_HIT: "MISS-FOLLOWER-HIT";
  /** This caller's waiting ended without a value, and it has the value of this process's fallback fetch. */
  readonly MISS_FOLLOWER_FALLBACK: "MISS-FOLLOWER-FALLBACK";
  /** The cache failed, and `onCacheFailure: 'bypass'` let this caller fetch. */
  readonly BYPASS: "BYPASS";
} = {
  HIT: "HIT",
  MISS_LEADER: "MISS-LEADER",
  MISS_LEADER_NOCACHE: "MISS-LEADER-NOCACHE",
  MISS_FOLLOWER_HIT: "MISS-FOLLOWER-HIT",
  MISS_FOLLOWER_FALLBACK: "MISS-FOLLOWER-FALLBACK",
  BYPASS: "BYPASS",
};

/** One of the outcomes of {@linkcode CacheOutcome}. */
export type CacheOutcome = (typeof CacheOutcome)[keyof typeof CacheOutcome];

/** How a call got its value. */
export interface CacheMeta {
  /** The outcome. */
  readonly cache: CacheOutcome;
  /** When the lease that was led or waited for would have expired: epoch milliseconds by this machine's clock. */
  readonly leaseUntil?: number | undefined;
  /** How long the call waited for others. */
  readonly waited?: Duration.Duration | undefined;
}

/** What `getOrSet` gives. */
export interface GetOrSetResult<V> {
  /** The value, cached or fetched. */
  readonly value: V;
  /** How the call got it. */
  readonly meta: CacheMeta;
}
