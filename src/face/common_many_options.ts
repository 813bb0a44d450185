/** The context of a fetcher of many keys. */
export interface BatchContext<K> {
  /** The keys to fetch, as the call has them, each once: those that nobody else has or fetches. */
  readonly keys: readonly K[];
  /** Fires when nobody needs any of them any more, or after `fetchTimeout`. It is made when it is first read. */
  readonly signal: AbortSignal;
}

/** What a fetcher of many keys has found: a `Map`, or what has these two methods of one. */
export interface FetchedBatch<K, V> {
  /** The value of a key. */
  get(key: K): V | undefined;
  /** Whether there is one, be it `undefined`. */
  has(key: K): boolean;
}

/** What keys are called in the store that are no strings themselves. */
export interface KeyOption<K> {
  /** The name of a key. Of several keys with the same name, the first stands for all. */
  readonly key: (key: K) => string;
}

/** The options that both faces have for calls for many keys. */
export interface CommonManyOptions<V, Duration> {
  /** The most keys that are fetched together; 100 by default. More are fetched side by side, each such part by itself. */
  readonly maxBatch?: number | undefined;
  /**
   * What is stored for a key that the fetcher has no value for, and for how long: for `cacheTtl` without `ttl`. Without it,
   * such a key fails with `FETCHER_FAILED`.
   */
  readonly absent?: {
    /** Its value. `shouldCache` isn't asked about it. */
    readonly value: V;
    /** For how long it is stored. */
    readonly ttl?: Duration | undefined;
  } | undefined;
}

/** The options of `setMany`. */
export interface SetManyOptions<Duration> {
  /** For how long each value is stored; for the client's `cacheTtl` without it. Zero removes the entries. */
  readonly ttl?: Duration | undefined;
}
