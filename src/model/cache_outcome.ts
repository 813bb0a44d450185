/** How a call got its value. */
export const CacheOutcome: {
  /** The entry was in the cache. */
  readonly HIT: "HIT";
  /** This caller fetched, and the value is stored. */
  readonly MISS_LEADER: "MISS-LEADER";
  /** This caller fetched, and the value is not stored: `shouldCache`, a zero TTL, a lost lease, or a failed fill. */
  readonly MISS_LEADER_NOCACHE: "MISS-LEADER-NOCACHE";
  /** This caller waited, and got the value of another caller's fetch. */
  readonly MISS_FOLLOWER_HIT: "MISS-FOLLOWER-HIT";
  /** This caller waited without a result, and got the value of its process's fallback fetch. */
  readonly MISS_FOLLOWER_FALLBACK: "MISS-FOLLOWER-FALLBACK";
  /** The cache failed, and `onCacheFailure: 'bypass'` let this process fetch. */
  readonly BYPASS: "BYPASS";
  /** The entry is stale, and one process of all refreshes it, or has not done so within `softTimeout` or `waitMax`. */
  readonly STALE: "STALE";
  /** The entry is stale, and a fetch or the cache has failed. */
  readonly STALE_ERROR: "STALE-ERROR";
} = {
  HIT: "HIT",
  MISS_LEADER: "MISS-LEADER",
  MISS_LEADER_NOCACHE: "MISS-LEADER-NOCACHE",
  MISS_FOLLOWER_HIT: "MISS-FOLLOWER-HIT",
  MISS_FOLLOWER_FALLBACK: "MISS-FOLLOWER-FALLBACK",
  BYPASS: "BYPASS",
  STALE: "STALE",
  STALE_ERROR: "STALE-ERROR",
};

/** One of the outcomes of {@linkcode CacheOutcome}. */
export type CacheOutcome = (typeof CacheOutcome)[keyof typeof CacheOutcome];
