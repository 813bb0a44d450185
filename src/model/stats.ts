import type { CacheOutcome } from "./cache_outcome.ts";

/** What a client has counted since it was made: its calls of `getOrSet`, and what they did for others. Whole numbers, but for its name. */
export interface CacheStats {
  /** What the client is called, if it has a name. */
  readonly name?: string | undefined;
  /** Calls that found a fresh value: `HIT`. */
  readonly hits: number;
  /** Those of them that found it in the L1 of this process. */
  readonly l1Hits: number;
  /** Calls that fetched under the lease: `MISS-LEADER` and `MISS-LEADER-NOCACHE`. */
  readonly leaders: number;
  /** Calls that waited, and got the value of another caller's fetch: `MISS-FOLLOWER-HIT`. */
  readonly followers: number;
  /** Calls that waited, and got the value of a fetch without a lease: `MISS-FOLLOWER-FALLBACK`. */
  readonly fallbacks: number;
  /** Calls that got a value without the cache, which had failed: `BYPASS`. */
  readonly bypasses: number;
  /** Calls that got a stale value: `STALE` and `STALE-ERROR`. */
  readonly stale: number;
  /** Fetches in the background that refresh an entry, also such as were begun for a caller who had to wait too long. */
  readonly refreshes: number;
  /** Fetches that failed, or didn't end in time. */
  readonly failedFetches: number;
  /** Fetches under a lease that another leader had held before, and had failed, been cancelled or died. */
  readonly takeovers: number;
  /** Fetched values that were not stored, because the lease was lost by then. */
  readonly refusedFills: number;
  /** Leases that turned out to be lost when they were renewed. */
  readonly lostLeases: number;
  /** How long calls waited for others, all together, in milliseconds. */
  readonly waited: number;
}

/** A client's counters while it counts. */
export type Counters = { -readonly [Name in Exclude<keyof CacheStats, "name">]: CacheStats[Name] };

/** What a client's counters have come to. */
export function statsOf(counters: Counters, name: string | undefined): CacheStats {
  return name === undefined ? { ...counters } : { name, ...counters };
}

/** Counters at zero. */
export function newCounters(): Counters {
  return {
    hits: 0,
    l1Hits: 0,
    leaders: 0,
    followers: 0,
    fallbacks: 0,
    bypasses: 0,
    stale: 0,
    refreshes: 0,
    failedFetches: 0,
    takeovers: 0,
    refusedFills: 0,
    lostLeases: 0,
    waited: 0,
  };
}

const counterOf: Readonly<Record<CacheOutcome, keyof Counters>> = {
  "HIT": "hits",
  "MISS-LEADER": "leaders",
  "MISS-LEADER-NOCACHE": "leaders",
  "MISS-FOLLOWER-HIT": "followers",
  "MISS-FOLLOWER-FALLBACK": "fallbacks",
  "BYPASS": "bypasses",
  "STALE": "stale",
  "STALE-ERROR": "stale",
};

/** Counts calls with one outcome that waited for so many milliseconds each. */
export function countCalls(
  counters: Counters,
  outcome: CacheOutcome,
  waited = 0,
  calls = 1,
): void {
  counters[counterOf[outcome]] += calls;
  counters.waited += waited * calls;
}
