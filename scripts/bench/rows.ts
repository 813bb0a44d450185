import type { BytesJob } from "./bytes.ts";
import type { loads } from "./loads.ts";
import type { PeerName } from "./open_peer.ts";

/** What is compared, side by side. */
export type Row = Kind & {
  readonly title: string;
  /** What all others are compared with. */
  readonly beside: PeerName;
  /** This library, which is compared with its build before, too. */
  readonly own: readonly Own[];
  /** Whether its build before lacks it. */
  readonly isNew?: true;
  /** Other caches, and floors. They are measured apart from the library, each beside the same. */
  readonly others: readonly PeerName[];
};

type Kind =
  /** Nanoseconds a call. */
  | {
    readonly load: keyof typeof loads;
    readonly redis?: { readonly enableAutoPipelining?: true };
    readonly postgres?: true;
    /** Its goal is a matter of hundredths: three times as many programs. */
    readonly isClose?: true;
  }
  /** Bytes. */
  | { readonly bytesOf: BytesJob["of"]; readonly redis?: { readonly enableAutoPipelining?: never } }
  /** Milliseconds by which the slowest caller of a herd is later than its fetch, which takes so many. */
  | { readonly fetch: number };

/** This library in a row, and its goals. */
export interface Own {
  readonly peer: Exclude<PeerName, `${string}:${string}`>;
  /** At least so many times as fast as the first of the row. */
  readonly atLeast?: number;
  /** At most so many times the cost of the first of the row. */
  readonly atMost?: number;
  /** At most so much. */
  readonly limit?: number;
  /** At least so many times as fast as the build before; with Effect 3, half of it. */
  readonly gain?: number;
}

const remote = ["asyncCacheDedupe", "bentoCache", "persistedCacheAlone"] as const;

const tiers = ["bentoL1", "layeredLoader", "cacheable", "nodeRedisCache"] as const;

/** What a call costs: the table of which README.md quotes a line. */
export const costs: readonly Row[] = [
  {
    title: "Miss in memory, a run each",
    load: "miss",
    beside: "effectCache",
    own: [{ peer: "client", atLeast: 0.6, gain: 6 }],
    others: ["asyncCacheDedupe", "lruCache", "map"],
  },
  {
    title: "Miss in memory, one fiber",
    load: "missInOneFiber",
    beside: "effectCache",
    own: [{ peer: "client", atLeast: 0.6 }],
    others: ["map"],
  },
  {
    title: "Hit in memory, a run each",
    load: "hit",
    isClose: true,
    beside: "effectCache",
    own: [{ peer: "client", gain: 0.97 }],
    others: ["asyncCacheDedupe", "lruCache", "map"],
  },
  {
    title: "Hit in memory, one fiber",
    load: "hitInOneFiber",
    isClose: true,
    beside: "effectCache",
    own: [{ peer: "client", gain: 0.97 }],
    others: ["map"],
  },
  {
    title: "Hit in memory, in promises",
    load: "hit",
    beside: "asyncCacheDedupe",
    own: [{ peer: "plain", atLeast: 1 }],
    others: ["map"],
  },
  {
    title: "Hit in memory, in promises, beside cache-manager",
    load: "hit",
    beside: "cacheManager",
    own: [{ peer: "plain", atLeast: 1 }],
    others: [],
  },
  {
    title: "Hit in memory, in promises, beside lru-cache",
    load: "hit",
    beside: "lruCache",
    own: [{ peer: "plain", atLeast: 0.35 }],
    others: [],
  },
  {
    title: "Stampede in promises, 10,000 callers of a cold key",
    load: "stampede",
    beside: "asyncCacheDedupe",
    own: [{ peer: "plain", atMost: 1.5 }],
    others: ["lruCache", "cacheManager"],
  },
  {
    title: "Redis, 1,000 distinct cold keys at once",
    load: "remoteMisses",
    redis: {},
    beside: "getThenSet",
    own: [{ peer: "cacheLocking", atMost: 3, gain: 4 }],
    others: ["asyncCacheDedupe"],
  },
  {
    title: "Redis, 64 callers of distinct warm keys",
    load: "remoteHitsOfDistinctKeys",
    redis: {},
    beside: "getThenSet",
    own: [{ peer: "cacheLocking", atLeast: 0.85 }],
    others: ["asyncCacheDedupe"],
  },
  {
    title: "Redis, 64 callers of distinct warm keys, auto-pipelining",
    load: "remoteHitsOfDistinctKeys",
    redis: { enableAutoPipelining: true },
    beside: "getThenSet",
    own: [{ peer: "cacheLocking", atLeast: 0.85 }],
    others: ["asyncCacheDedupe"],
  },
  {
    title: "Redis, 64 callers of one warm key",
    load: "remoteHitsOfOneKey",
    redis: {},
    beside: "effect:mapOfPromises",
    own: [{ peer: "cacheLocking", atLeast: 0.8 }],
    others: [...remote, "mapOfPromises", "effect:asyncCacheDedupe", "bare"],
  },
  {
    title: "Redis, one caller of a warm key",
    load: "remoteHit",
    redis: {},
    beside: "bare",
    own: [{ peer: "cacheLocking", atLeast: 0.87 }],
    others: [...remote, "effect:bare"],
  },
  {
    title: "Redis, one caller of a warm key, in promises",
    load: "remoteHit",
    redis: {},
    isClose: true,
    beside: "bare",
    own: [{ peer: "plain", atMost: 1.1 }],
    others: [],
  },
  {
    title: "Redis, 100 warm keys at once, in promises",
    load: "manyWarmKeys",
    redis: {},
    beside: "multiGet",
    own: [{ peer: "manyKeys", atMost: 1.8 }],
    others: [],
  },
  {
    title: "Redis, 1,000 cold keys at once, in promises",
    load: "manyColdKeys",
    redis: {},
    beside: "pipelinedGets",
    own: [{ peer: "manyKeys", atMost: 3 }],
    others: [],
  },
  {
    title: "Redis, 1,000 cold keys at once, beside single calls",
    load: "manyColdKeys",
    redis: {},
    beside: "plain",
    own: [{ peer: "manyKeys", atLeast: 4 }],
    others: [],
  },
  {
    title: "Postgres, 100 warm keys at once, in promises",
    load: "manyWarmKeys",
    postgres: true,
    beside: "selectAny",
    own: [{ peer: "manyKeys", atMost: 1.8 }],
    others: [],
  },
  {
    title: "Postgres, 1,000 cold keys at once, in promises",
    load: "manyColdKeys",
    postgres: true,
    beside: "selectAny",
    own: [{ peer: "manyKeys", atMost: 3 }],
    others: [],
  },
  {
    title: "Postgres, 1,000 cold keys at once, beside single calls",
    load: "manyColdKeys",
    postgres: true,
    beside: "plain",
    own: [{ peer: "manyKeys", atLeast: 4 }],
    others: [],
  },
  {
    title: "Hit in memory that may be stale, beside one that may not",
    load: "hit",
    isClose: true,
    isNew: true,
    beside: "client",
    own: [{ peer: "mayBeStale", atLeast: 0.95 }],
    others: [],
  },
  {
    title: "Hit in memory with metrics, beside one without",
    load: "hit",
    isClose: true,
    isNew: true,
    beside: "client",
    own: [{ peer: "measured", atLeast: 0.8 }],
    others: [],
  },
  {
    title: "Redis, one caller of a key that may be stale, beside one that may not",
    load: "remoteHit",
    redis: {},
    isClose: true,
    isNew: true,
    beside: "cacheLocking",
    own: [{ peer: "mayBeStale", atMost: 1.1 }, { peer: "stale", atMost: 1.15 }],
    others: [],
  },
  {
    title: "Redis, 64 callers of distinct keys that may be stale, beside such that may not",
    load: "remoteHitsOfDistinctKeys",
    redis: {},
    isNew: true,
    beside: "cacheLocking",
    own: [{ peer: "mayBeStale", atMost: 1.4 }, { peer: "stale" }],
    others: [],
  },
  {
    title: "Hit in L1 over Redis, a run each, one key",
    load: "hit",
    redis: {},
    isNew: true,
    beside: "inMemory",
    own: [{ peer: "l1", atLeast: 0.9 }],
    others: tiers,
  },
  {
    title: "Hit in L1 over Redis, one fiber, one key",
    load: "hitInOneFiber",
    redis: {},
    isNew: true,
    beside: "inMemory",
    own: [{ peer: "l1", atLeast: 0.9 }],
    others: [],
  },
  {
    title: "Hit in L1 over Redis, a run each, 10,000 keys",
    load: "hitOfMany",
    redis: {},
    isNew: true,
    beside: "inMemory",
    own: [{ peer: "l1", atLeast: 0.9 }],
    others: tiers,
  },
  {
    title: "Hit in L1 over Redis, in promises, one key",
    load: "hit",
    redis: {},
    isNew: true,
    beside: "plainInMemory",
    own: [{ peer: "plainL1", atLeast: 0.9 }],
    others: tiers,
  },
  {
    title: "Hit in L1 over Redis, one caller, beside one without L1",
    load: "remoteHit",
    redis: {},
    isNew: true,
    beside: "plain",
    own: [{ peer: "plainL1", atLeast: 80 }],
    others: [],
  },
  {
    title: "Redis, herd of 4 × 250, later than a fetch of 200 ms",
    fetch: 200,
    beside: "handWrittenShared",
    own: [{ peer: "cacheLocking", limit: 14 }],
    others: ["asyncCacheDedupe"],
  },
  {
    title: "Redis, herd of 4 × 250, later than a fetch of 227 ms",
    fetch: 227,
    beside: "handWrittenShared",
    own: [{ peer: "cacheLocking", limit: 10 }],
    others: ["asyncCacheDedupe"],
  },
  {
    title: "An entry in memory",
    bytesOf: "entry",
    beside: "lruCache",
    own: [{ peer: "client", atMost: 1.1 }],
    others: ["effectCache", "asyncCacheDedupe", "map"],
  },
  {
    title: "An entry of 1 kB in L1 over Redis, in promises",
    bytesOf: "kilobyte",
    redis: {},
    isNew: true,
    beside: "lruCache",
    own: [{ peer: "plainL1", atMost: 1.1 }],
    others: [],
  },
  {
    title: "A waiting caller of 10,000",
    bytesOf: "waiter",
    beside: "effect:sharedPromise",
    own: [{ peer: "client", limit: 1900, atMost: 1.12 }],
    others: ["effectCache", "effect:asyncCacheDedupe"],
  },
];

/** The server of a row; without one it is about memory. */
export function serverOf(row: Row): "postgres" | "redis" | undefined {
  if ("postgres" in row) return "postgres";
  return "redis" in row || "fetch" in row ? "redis" : undefined;
}

const hit = {
  beside: "effectCache",
  own: [{ peer: "client", atLeast: 1 }, { peer: "oneShot", atLeast: 0.7 }],
} as const;
const herd = {
  beside: "effect:asyncCacheDedupe",
  own: [{ peer: "client" }, { peer: "oneShot" }],
} as const;
const herdAtItsEnd = {
  ...herd,
  own: [{ peer: "client", atLeast: 1 }, { peer: "oneShot" }],
} as const;
const herdOf = "Stampede, 10,000 callers of a cold key";
const inPromises = ["lruCache", "asyncCacheDedupe", "bentoCache", "cacheManager"] as const;
const all = ["map", ...inPromises] as const;
const few = ["effectCache", "effect:sharedPromise"] as const;
const many = [...few, ...inPromises] as const;

/** Hits and herds in memory, beside all other caches. */
export const inMemory: readonly Row[] = [
  { ...hit, title: "Hit, a run each, one key", load: "hit", others: all },
  { ...hit, title: "Hit, one fiber, one key", load: "hitInOneFiber", others: ["map"] },
  { ...hit, title: "Hit, a run each, 10,000 keys", load: "hitOfMany", others: all },
  { ...hit, title: "Hit, one fiber, 10,000 keys", load: "hitOfManyInOneFiber", others: ["map"] },
  { ...hit, title: "Hit, a run each, one hot key of 10,000", load: "hotHit", others: all },
  {
    ...hit,
    title: "Hit, one fiber, one hot key of 10,000",
    load: "hotHitInOneFiber",
    others: ["map"],
  },
  { ...herd, title: `${herdOf}, a run each`, load: "stampede", others: many },
  { ...herd, title: `${herdOf}, one fiber`, load: "stampedeInOneFiber", others: few },
  {
    ...herdAtItsEnd,
    title: `${herdOf}, a run each, from the end of its fetch`,
    load: "stampedesEnd",
    others: many,
  },
  {
    ...herdAtItsEnd,
    title: `${herdOf}, one fiber, from the end of its fetch`,
    load: "stampedesEndInOneFiber",
    others: few,
  },
];
