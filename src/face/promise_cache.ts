import type {
  BatchFetcher,
  CacheEntry,
  CacheOptions,
  CallOptions,
  Duration,
  Fetcher,
  GetOrSetResult,
  ManyOptions,
  ManyResults,
  WrapOptions,
} from "./promise_options.ts";

import type { Closable } from "../model/closable.ts";
import type { KeyOption, SetManyOptions } from "./common_many_options.ts";
import type { CacheStats } from "../model/stats.ts";

/**
 * A cache whose calls return promises. Its methods don't depend on `this`. `await using` closes it, where TypeScript has that.
 */
export interface PromiseCache extends Closable {
  /**
   * Gets the value. On a miss, one caller of all fetches and fills it.
   *
   * It is rejected with what the caller's own fetcher or hook threw, the same object; with the reason of its signal; or
   * with a {@linkcode CacheLockingError}.
   */
  getOrSet<V>(key: string, fetcher: Fetcher<V>, options?: CallOptions<V>): Promise<V>;
  /** The same, and how the call got the value. */
  getOrSetResult<V>(
    key: string,
    fetcher: Fetcher<V>,
    options?: CallOptions<V>,
  ): Promise<GetOrSetResult<V>>;
  /**
   * Fetches and fills, under the lease, though the entry is fresh; meanwhile all others hit. It joins a fetch that is under
   * way in this process, and waits for one of another: the value that it gets is stored after the call began, and may have been
   * fetched before. It never gets a stale value in place of an error. The entry stays where the fetch fails.
   */
  refresh<V>(key: string, fetcher: Fetcher<V>, options?: CallOptions<V>): Promise<V>;
  /**
   * Gets the entries of many keys, and has what is missing fetched together: those that this process is to fetch in one
   * fetch, before it waits for any other. Each key is as a call of its own in everything else: its lease, its hooks, its
   * outcome, its failure. Other calls share their fetches with it, for one key or for many.
   *
   * It is rejected with the reason of its signal, or with a {@linkcode CacheLockingError} for a bad option.
   */
  getOrSetMany<K, V>(
    keys: Iterable<K>,
    fetcher: BatchFetcher<K, V>,
    options: ManyOptions<V> & KeyOption<K>,
  ): Promise<ManyResults<K, V>>;
  /** The same for keys that are strings. */
  getOrSetMany<K, V>(
    keys: Iterable<K> & Iterable<string>,
    fetcher: BatchFetcher<K, V>,
    options?: ManyOptions<V>,
  ): Promise<ManyResults<K, V>>;
  /**
   * As `getOrSetMany`, with the values alone; it is rejected with the first failure in the order of the keys, once all have
   * ended.
   */
  getOrSetAll<K, V>(
    keys: Iterable<K>,
    fetcher: BatchFetcher<K, V>,
    options: ManyOptions<V> & KeyOption<K>,
  ): Promise<ReadonlyMap<K, V>>;
  /** The same for keys that are strings. */
  getOrSetAll<K, V>(
    keys: Iterable<K> & Iterable<string>,
    fetcher: BatchFetcher<K, V>,
    options?: ManyOptions<V>,
  ): Promise<ReadonlyMap<K, V>>;
  /** Reads the values of many keys: those that are there, in the order of the keys. */
  getMany<V = unknown, K = unknown>(
    keys: Iterable<K>,
    options: KeyOption<K>,
  ): Promise<ReadonlyMap<K, V>>;
  /** The same for keys that are strings. */
  getMany<V = unknown, K extends string = string>(keys: Iterable<K>): Promise<ReadonlyMap<K, V>>;
  /**
   * Stores many values, as `set` does each. It tries all of them; then it fails if one did. No step stores them all at once.
   */
  setMany<K>(
    entries: Iterable<readonly [K, unknown]>,
    options: SetManyOptions<Duration> & KeyOption<K>,
  ): Promise<void>;
  /** The same for keys that are strings. */
  setMany(
    entries: Iterable<readonly [string, unknown]>,
    options?: SetManyOptions<Duration>,
  ): Promise<void>;
  /** Removes many entries, as `delete` does each. It tries all of them; then it fails if one did. */
  deleteMany<K>(keys: Iterable<K>, options: KeyOption<K>): Promise<void>;
  /** The same for keys that are strings. */
  deleteMany(keys: Iterable<string>): Promise<void>;
  /** Reads the value; `undefined` for a miss, as a `Map` answers. */
  get<V = unknown>(key: string): Promise<V | undefined>;
  /** Reads the entry; `undefined` for a miss alone. So a cached `undefined` is told from a miss in one read. */
  getEntry<V = unknown>(key: string): Promise<CacheEntry<V> | undefined>;
  /**
   * Stores a value for `ttl`, or for the cache's `cacheTtl` without it. Zero removes the entry. A fetch that began before
   * can't overwrite the value.
   */
  set(key: string, value: unknown, ttl?: Duration): Promise<void>;
  /**
   * Ends the time of the entry, as if its `cacheTtl` were over: the next call fetches, unless it may have the value while it
   * is stale. A fetch that began before can't store the old value.
   */
  expire(key: string): Promise<void>;
  /** Removes the entry. A fetch that began before can't store the old value. */
  delete(key: string): Promise<void>;
  /** What the cache has counted since it was made. */
  stats(): CacheStats;
  /**
   * Closes the cache, as its process is about to end. Its calls are rejected with `CLOSED`, those under way at once; the
   * signals of its fetches fire, also of those in the background, and their leases are released, so that other processes take
   * over. A value that is being stored is stored and returned. Connections of its own are closed, not those of the client that
   * you gave it.
   *
   * The promise resolves when all this is done, after the cache's `operationTimeout` at the latest. It never rejects, and you
   * may call it again.
   */
  close(): Promise<void>;
  /**
   * Makes a function that is fetched once for each key, and cached. The options are checked here, once: bad ones throw a
   * {@linkcode CacheLockingError}.
   */
  wrap<Fn extends (...args: never[]) => unknown>(
    fn: Fn,
    options: WrapOptions<Parameters<Fn>, Awaited<ReturnType<Fn>>>,
  ): (...args: Parameters<Fn>) => Promise<Awaited<ReturnType<Fn>>>;
}

/** Makes a cache of options. */
export type CreateCache<Config> = (options: CacheOptions<Config>) => PromiseCache;
