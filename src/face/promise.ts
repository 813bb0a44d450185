import { getOrSet } from "../engine/get_or_set.ts";
import type { Settings } from "../engine/call.ts";
import { Cause, Effect, Option } from "../effect/effect.ts";
import { type Forked, interruptNoWait } from "../effect/fork.ts";
import { CacheOutcome } from "../model/cache_outcome.ts";
import { isCacheLockingError } from "../model/errors.ts";
import type { GetOrSetResult as EffectResult } from "../model/outcome.ts";
import { invalidKey, isKey, makeCacheModule, merge } from "./client.ts";
import { effectOptions, inMillis, promised } from "./effect_options.ts";
import type {
  CacheEntry,
  CacheMeta,
  CacheOptions,
  CallOptions,
  Duration,
  Fetcher,
  GetOrSetResult,
  WrapOptions,
} from "./promise_options.ts";
import { invalid, type OpenAdapter, reading, settingsOf } from "./settings.ts";

/** A cache whose calls return promises. Its methods don't depend on `this`. */
export interface PromiseCache {
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
  /** Reads the value; `undefined` for a miss, as a `Map` answers. */
  get<V = unknown>(key: string): Promise<V | undefined>;
  /** Reads the entry; `undefined` for a miss alone. So a cached `undefined` is told from a miss in one read. */
  getEntry<V = unknown>(key: string): Promise<CacheEntry<V> | undefined>;
  /**
   * Stores a value for `ttl`, or for the cache's `cacheTtl` without it. Zero removes the entry. A fetch that began before
   * can't overwrite the value.
   */
  set(key: string, value: unknown, ttl?: Duration): Promise<void>;
  /** Removes the entry. A fetch that began before can't store the old value. */
  delete(key: string): Promise<void>;
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

/** Makes {@linkcode CreateCache} over the adapters that `open` knows. */
export function createCacheOf<Config>(open: OpenAdapter): CreateCache<Config> {
  const { make } = makeCacheModule<never>(open);

  return (defaults) => {
    const resolve = (read: () => object) => {
      const settings = reading(() => settingsOf(effectOptions(read()), open));
      if (isCacheLockingError(settings)) throw settings;
      return settings;
    };
    const settings = resolve(() => defaults);
    const settingsWith = (own: object | undefined) =>
      own === undefined ? settings : resolve(() => merge(defaults, own));
    const client = make(effectOptions(defaults) as never);
    const getEntry = async <V>(key: string): Promise<CacheEntry<V> | undefined> => {
      const entry = settings.store.peek?.(key, Date.now());
      if (entry !== undefined) return { value: entry.value as V };
      const found = await toPromise(client.get<V>(key));
      return Option.isSome(found) ? { value: found.value } : undefined;
    };

    return {
      getOrSet: (key, fetcher, own) =>
        rejecting(() => call(settingsWith(own), key, fetcher, valueOf)),
      getOrSetResult: (key, fetcher, own) =>
        rejecting(() => call(settingsWith(own), key, fetcher, resultOf)),
      get: async <V>(key: string) => (await getEntry<V>(key))?.value,
      getEntry,
      set: (key, value, ttl) => toPromise(client.set(key, value, ttl as never)),
      delete: (key) => toPromise(client.delete(key)),
      wrap: <Fn extends (...args: never[]) => unknown>(
        fn: Fn,
        options: WrapOptions<Parameters<Fn>, Awaited<ReturnType<Fn>>>,
      ) => {
        if (typeof fn !== "function") throw invalid("fn", "a function", fn);
        const { key: keyOf, ...own } = options ?? {};
        const wrapped = settingsWith(own);
        if (typeof keyOf !== "function") {
          throw invalid("key", "a function of the arguments that returns a key", keyOf);
        }
        return function (this: unknown, ...args: Parameters<Fn>) {
          const fetcher = () => fn.apply(this, args) as Awaited<ReturnType<Fn>>;
          return rejecting(() => call(wrapped, keyOf(...args), fetcher, valueOf));
        };
      },
    };
  };
}

/** What a call hands out of its result. */
type Pick<V, A> = (value: V, meta: CacheMeta) => A;

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });

function valueOf<V>(value: V): V {
  return value;
}

function resultOf<V>(value: V, meta: CacheMeta): GetOrSetResult<V> {
  return { value, meta };
}

/** Runs what returns a promise; what it throws rejects one. */
function rejecting<A>(run: () => Promise<A>): Promise<A> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Runs a call. A hit in this process goes round Effect, unless a hook is to be told of it. */
function call<V, A>(
  settings: Settings,
  key: string,
  fetcher: Fetcher<V>,
  pick: Pick<V, A>,
): Promise<A> {
  const { store, hooks, signal } = settings;
  if (!isKey(key)) throw invalidKey(key);
  if (typeof fetcher !== "function") throw invalid("fetcher", "a function", fetcher);
  if (signal?.aborted) throw signal.reason;
  if (hooks.onHit === undefined) {
    const entry = store.peek?.(key, Date.now());
    if (entry !== undefined) return Promise.resolve(pick(entry.value as V, HIT));
  }
  const result = getOrSet({
    // The signal is heeded here.
    settings: signal === undefined ? settings : { ...settings, signal: undefined },
    key,
    fetcher: (context) => promised(() => fetcher(context)),
  });
  const handOut = ({ value, meta }: EffectResult<unknown>) =>
    pick(value as V, inMillis(meta) as CacheMeta);
  return toPromise(result, handOut, signal);
}

/** Runs an effect. The promise is rejected with its own error, or with the signal's reason as soon as that is aborted. */
function toPromise<A, B = A>(
  effect: Effect.Effect<A, unknown>,
  pick: (answer: A) => B = (answer) => answer as never,
  signal?: AbortSignal,
): Promise<B> {
  return new Promise((resolve, reject) => {
    const fiber = Effect.runFork(effect) as Forked<A, unknown>;
    const abort = () => {
      reject(signal!.reason);
      interruptNoWait(fiber);
    };
    signal?.addEventListener("abort", abort, { once: true });
    fiber.addObserver((exit) => {
      signal?.removeEventListener("abort", abort);
      if (exit._tag === "Success") resolve(pick(exit.value));
      else reject(Cause.squash(exit.cause));
    });
  });
}
