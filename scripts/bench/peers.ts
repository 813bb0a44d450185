import { createCache } from "async-cache-dedupe";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { createCache as createCacheManager } from "cache-manager";
import { Cache as EffectCache, Effect } from "effect";
import { LRUCache } from "lru-cache";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";

/** The source that a cache is in front of. */
export type Source = (key: string) => Promise<number>;

/** A cache of this process: the value of a key, fetched once. */
export interface EffectPeer {
  readonly name: string;
  readonly get: (key: string) => Effect.Effect<unknown, unknown>;
}

/** The same for those that speak in promises. */
export interface PromisePeer {
  readonly name: string;
  readonly get: (key: string) => Promise<unknown>;
}

const ENTRIES = 10_000;

/** Effect's own `Cache`. */
export function effectCache(source: Source): EffectPeer {
  const cache = Effect.runSync(EffectCache.make({
    capacity: ENTRIES,
    timeToLive: "1 hour",
    lookup: (key: string) => Effect.promise(() => source(key)),
  }));
  return { name: "Effect's Cache.get", get: (key) => EffectCache.get(cache, key) };
}

/** A client of cache-locking. */
export function client(source: Source): EffectPeer {
  const cache = Cache.make({ adapter: memoryAdapter({ maxEntries: ENTRIES }), cacheTtl: "1 hour" });
  return {
    name: "client.getOrSet",
    get: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
  };
}

/** cache-locking without a client: all options in each call. */
export function oneShot(source: Source): EffectPeer {
  const adapter = { type: "memory", options: { maxEntries: ENTRIES } } as const;
  return {
    name: "Cache.getOrSet",
    get: (key) =>
      Cache.getOrSet({
        adapter,
        key,
        cacheTtl: "1 hour",
        fetcher: () => Effect.promise(() => source(key)),
      }),
  };
}

/** The least that can be done: a Map of promises. */
export function floor(source: Source): EffectPeer {
  const values = new Map<string, unknown>();
  return {
    name: "floor: Map.get",
    get: (key) =>
      Effect.suspend(() =>
        values.has(key) ? Effect.succeed(values.get(key)) : Effect.promise(async () => {
          values.set(key, await source(key));
          return values.get(key);
        })
      ),
  };
}

/** async-cache-dedupe, in memory. */
export function asyncCacheDedupe(source: Source): PromisePeer {
  const options = { ttl: 3600, storage: { type: "memory", options: { size: ENTRIES } } } as const;
  const cache = createCache(options).define("value", (key: string) => source(key));
  return { name: "async-cache-dedupe", get: (key) => cache.value(key) };
}

/** lru-cache's `fetch`. */
export function lruCache(source: Source): PromisePeer {
  const cache = new LRUCache<string, number>({
    max: ENTRIES,
    ttl: 3_600_000,
    fetchMethod: (key) => source(key),
  });
  return { name: "lru-cache fetch", get: (key) => cache.fetch(key) };
}

/** bentocache, one tier. */
export function bentoCache(source: Source): PromisePeer {
  const layer = memoryDriver({ maxItems: ENTRIES, serialize: false });
  const cache = new BentoCache({
    default: "memory",
    stores: { memory: bentostore().useL1Layer(layer) },
  });
  return {
    name: "bentocache",
    get: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
  };
}

/** cache-manager, over Keyv's own Map. */
export function cacheManager(source: Source): PromisePeer {
  const cache = createCacheManager({ ttl: 3_600_000 });
  return { name: "cache-manager", get: (key) => cache.wrap(key, () => source(key)) };
}

/** A peer that speaks in promises, run as those that speak in effects are. */
export function inEffect({ name, get }: PromisePeer): EffectPeer {
  return { name: `${name}, in Effect`, get: (key) => Effect.promise(() => get(key)) };
}
