import { Cache as EffectCache, Effect } from "effect";
import type { CallOptions, ClientOptions } from "../../mod.ts";
import type { Library, LoadPeer } from "./peer.ts";

/** Effect's own `Cache`. */
export const effectCache: LoadPeer = ({ entries }) => {
  // Effect 3 has it as a method.
  type Get = (cache: unknown, key: string) => Effect.Effect<unknown, unknown>;
  const { get = (cache, key) => (cache as { get: (key: string) => ReturnType<Get> }).get(key) } =
    EffectCache as unknown as { readonly get?: Get };
  return (source) => {
    const cache = Effect.runSync(EffectCache.make({
      capacity: entries,
      timeToLive: "1 hour",
      lookup: (key: string) => Effect.promise(() => source(key)),
    }));
    return { name: "Effect's Cache.get", effect: (key) => get(cache, key) };
  };
};

/** A client of cache-locking with some options. */
function clientWith(
  name: string,
  optionsOf: (library: Library) =>
    & Pick<CallOptions<unknown>, "staleWhileRevalidate">
    & Pick<ClientOptions, "metrics">,
): LoadPeer {
  return ({ library, library: { Cache, memoryAdapter }, entries }) => (source) => {
    const adapter = memoryAdapter({ maxEntries: entries });
    const cache = Cache.make({ adapter, cacheTtl: "1 hour", ...optionsOf(library) });
    return {
      name,
      effect: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
    };
  };
}

/** A client of cache-locking. */
export const client: LoadPeer = clientWith("client.getOrSet", () => ({}));

/** The same, where values may be stale; these are fresh. */
export const mayBeStale: LoadPeer = clientWith(
  "client.getOrSet, fresh",
  () => ({ staleWhileRevalidate: "1 hour" }),
);

/** The same, with metrics of Effect. */
export const measured: LoadPeer = clientWith(
  "client.getOrSet, measured",
  ({ effectMetrics }) => ({ metrics: effectMetrics() }),
);

/** A cache of cache-locking in promises. */
export const plain: LoadPeer = ({ library: { createCache }, entries }) => (source) => {
  const adapter = { type: "memory", options: { maxEntries: entries } } as const;
  const cache = createCache({ adapter, cacheTtl: "1 hour" });
  return {
    name: "cache-locking, in promises",
    promise: (key) => cache.getOrSet(key, () => source(key)),
  };
};

/** cache-locking without a client: all options in each call. */
export const oneShot: LoadPeer = ({ library: { Cache }, entries }) => (source) => {
  const adapter = { type: "memory", options: { maxEntries: entries } } as const;
  const get = (key: string) => {
    const fetcher = () => Effect.promise(() => source(key));
    return Cache.getOrSet({ adapter, key, cacheTtl: "1 hour", fetcher });
  };
  return { name: "Cache.getOrSet", effect: get };
};

/** The least that a hit can cost: a Map. */
export const map: LoadPeer = () => (source) => {
  const values = new Map<string, unknown>();
  const fetch = async (key: string) => {
    const value = await source(key);
    values.set(key, value);
    return value;
  };
  return {
    name: "floor: Map.get",
    effect: (key) =>
      Effect.suspend(() =>
        values.has(key) ? Effect.succeed(values.get(key)) : Effect.promise(() => fetch(key))
      ),
  };
};

/** The least that a herd can cost: one promise, which all await. */
export const sharedPromise: LoadPeer = () => (source) => {
  const promises = new Map<string, Promise<unknown>>();
  const get = (key: string) => {
    if (!promises.has(key)) promises.set(key, source(key));
    return promises.get(key)!;
  };
  return { name: "floor: one promise", promise: get };
};

/** async-cache-dedupe, in memory. */
export const asyncCacheDedupe: LoadPeer = async ({ entries }) => {
  const { createCache } = await import("async-cache-dedupe");
  return (source) => {
    const options = { ttl: 3600, storage: { type: "memory", options: { size: entries } } } as const;
    const cache = createCache(options).define("value", (key: string) => source(key));
    return { name: "async-cache-dedupe", promise: (key) => cache.value(key) };
  };
};

/** lru-cache's `fetch`. */
export const lruCache: LoadPeer = async ({ entries }) => {
  const { LRUCache } = await import("lru-cache");
  return (source) => {
    const cache = new LRUCache<string, object>({
      max: entries,
      ttl: 3_600_000,
      fetchMethod: (key) => source(key) as Promise<object>,
    });
    return { name: "lru-cache fetch", promise: (key) => cache.fetch(key) };
  };
};

/** bentocache, one tier. */
export const bentoCache: LoadPeer = async ({ entries }) => {
  const { BentoCache, bentostore } = await import("bentocache");
  const { memoryDriver } = await import("bentocache/drivers/memory");
  return (source) => {
    const layer = memoryDriver({ maxItems: entries, serialize: false });
    const stores = { memory: bentostore().useL1Layer(layer) };
    const cache = new BentoCache({ default: "memory", stores });
    return {
      name: "bentocache",
      promise: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
    };
  };
};

/** cache-manager, over Keyv's own Map. */
export const cacheManager: LoadPeer = async () => {
  const { createCache } = await import("cache-manager");
  return (source) => {
    const cache = createCache({ ttl: 3_600_000 });
    return { name: "cache-manager", promise: (key) => cache.wrap(key, () => source(key)) };
  };
};
