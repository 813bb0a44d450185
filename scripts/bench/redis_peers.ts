import { Effect } from "effect";
import type { Redis } from "ioredis";
import { fetchingTogether, readManyThrough } from "./many_keys.ts";
import type { LoadPeer, Means, Peer, Source } from "./peer.ts";

export { lruCache } from "./memory_peers.ts";

/** The least that a hit can cost. */
export const bare: LoadPeer = ({ connect }) => () => {
  const client = connect();
  return {
    name: "floor: ioredis.get",
    promise: (key) => client.get(key),
    close: () => client.quit(),
  };
};

/** The least that a miss can cost: `get`, and `set` if there was nothing. */
export const getThenSet: LoadPeer = ({ connect }) => (source) => readThrough(connect, source);

/** The least that many keys can cost: `MGET`, and `JSON.parse`; what there isn't is set by one pipeline. */
export const multiGet: LoadPeer = ({ connect }) => (source) =>
  inPipelines(connect, source, "MGET", (client, keys) => client.mget([...keys]));

/** The same by one pipeline of `GET`. */
export const pipelinedGets: LoadPeer = ({ connect }) => (source) =>
  inPipelines(connect, source, "a pipeline of GET", async (client, keys) => {
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.get(key);
    return (await pipeline.exec())!.map(([, value]) => value as string | null);
  });

/** The same with one promise for all callers of a key. */
export const mapOfPromises: LoadPeer = ({ connect }) => (source) =>
  sharing("floor: a map of promises", readThrough(connect, source));

/** This library. */
export const cacheLocking: LoadPeer =
  ({ library: { Cache, redisAdapter }, connect }) => (source) => {
    const client = connect();
    const cache = Cache.make({ adapter: redisAdapter({ client }), cacheTtl: "1 hour" });
    return {
      name: "cache-locking",
      effect: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
      close: () => client.quit(),
    };
  };

/** This library, where values may be stale; these are fresh. */
export const mayBeStale: LoadPeer = ({ library: { Cache, redisAdapter }, connect }) => (source) => {
  const client = connect();
  const adapter = redisAdapter({ client });
  const cache = Cache.make({ adapter, cacheTtl: "1 hour", staleWhileRevalidate: "1 hour" });
  return {
    name: "cache-locking, fresh",
    effect: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
    close: () => client.quit(),
  };
};

/** The same of stale values. Their refresh takes longer than what is measured. */
export const stale: LoadPeer = ({ library: { Cache, redisAdapter }, connect }) => (source) => {
  const client = connect();
  const cache = Cache.make({
    adapter: redisAdapter({ client }),
    cacheTtl: "1 hour",
    staleWhileRevalidate: "1 hour",
    leaseTtl: "1 hour",
  });
  const stored = new Set<string>();
  const store = (key: string) => {
    stored.add(key);
    const storing = cache.getOrSet(key, () => Effect.promise(() => source(key)));
    return Effect.flatMap(storing, () => cache.expire(key));
  };
  return {
    name: "cache-locking, stale",
    effect: (key) => stored.has(key) ? cache.getOrSet(key, () => Effect.never) : store(key),
    close: () => client.quit(),
  };
};

/** This library, in promises. */
export const plain: LoadPeer =
  ({ library: { createCache, redisAdapter }, connect }) => (source) => {
    const client = connect();
    const cache = createCache({ adapter: redisAdapter({ client }), cacheTtl: "1 hour" });
    return {
      name: "cache-locking, in promises",
      promise: (key) => cache.getOrSet(key, () => source(key)),
      close: () => client.quit(),
    };
  };

/** This library, many keys at once, all of them fetched together. */
export const manyKeys: LoadPeer =
  ({ library: { createCache, redisAdapter }, connect }) => (source) => {
    const client = connect();
    const cache = createCache({ adapter: redisAdapter({ client }), cacheTtl: "1 hour" });
    return fetchingTogether(cache, source, () => client.quit());
  };

/** This library in the memory of the process alone. */
export const inMemory: LoadPeer = ({ library: { Cache, memoryAdapter }, entries }) => (source) => {
  const adapter = memoryAdapter({ maxEntries: entries });
  const cache = Cache.make({ adapter, cacheTtl: "1 hour" });
  return {
    name: "cache-locking in memory",
    effect: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
  };
};

/** The same in promises. */
export const plainInMemory: LoadPeer =
  ({ library: { createCache, memoryAdapter }, entries }) => (source) => {
    const adapter = memoryAdapter({ maxEntries: entries });
    const cache = createCache({ adapter, cacheTtl: "1 hour" });
    return {
      name: "cache-locking in memory, in promises",
      promise: (key) => cache.getOrSet(key, () => source(key)),
    };
  };

/** This library with an L1 that keeps entries for as long as they live. */
export const l1: LoadPeer =
  ({ library: { Cache, redisAdapter }, connect, entries }) => (source) => {
    const client = connect();
    const cache = Cache.make({
      adapter: redisAdapter({ client }),
      cacheTtl: "1 hour",
      l1: { ttl: "1 hour", maxEntries: entries },
    });
    return {
      name: "cache-locking with L1",
      effect: (key) => cache.getOrSet(key, () => Effect.promise(() => source(key))),
      close: () => client.quit(),
    };
  };

/** The same in promises. */
export const plainL1: LoadPeer =
  ({ library: { createCache, redisAdapter }, connect, entries }) => (source) => {
    const client = connect();
    const cache = createCache({
      adapter: redisAdapter({ client }),
      cacheTtl: "1 hour",
      l1: { ttl: "1 hour", maxEntries: entries },
    });
    return {
      name: "cache-locking with L1, in promises",
      promise: (key) => cache.getOrSet(key, () => source(key)),
      async close() {
        // Else what it keeps stays for as long as the L1 might listen.
        await cache.close();
        await client.quit();
      },
    };
  };

/** bentocache in two tiers, memory and Redis, with its bus. */
export const bentoL1: LoadPeer = async ({ connect, entries }) => {
  const { BentoCache, bentostore } = await import("bentocache");
  const { memoryDriver } = await import("bentocache/drivers/memory");
  const { redisBusDriver, redisDriver } = await import("bentocache/drivers/redis");
  const connection = addressOf(connect);
  return (source) => {
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: entries }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: "redis", stores: { redis: store } });
    return {
      name: "bentocache with L1 and its bus",
      promise: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
      close: () => cache.disconnectAll(),
    };
  };
};

/** layered-loader: memory, and Redis. Its `getInMemoryOnly` needs no promise, and fetches nothing. */
export const layeredLoader: LoadPeer = async ({ connect, entries }) => {
  const { Loader, RedisCache } = await import("layered-loader");
  return (source) => {
    const client = connect();
    const loader = new Loader({
      inMemoryCache: { cacheId: "bench", ttlInMsecs: 3_600_000, maxItems: entries },
      asyncCache: new RedisCache(client as never, { json: true, ttlInMsecs: 3_600_000 }),
      dataSources: [{ name: "source", get: (key: string) => source(key) }],
    } as never);
    return {
      name: "layered-loader",
      promise: (key) => loader.get(key),
      close: () => client.quit(),
    };
  };
};

/** node-redis with its client-side cache, which Redis tells of each change; a program parses what it keeps. */
export const nodeRedisCache: LoadPeer = async ({ connect, entries }) => {
  const { createClient } = await import("redis");
  const url = urlOf(connect);
  return (source) => {
    const clientSideCache = { ttl: 3_600_000, maxEntries: entries };
    const client = createClient({ url, RESP: 3, clientSideCache });
    const connected = client.connect();
    return {
      name: "node-redis with its cache, JSON.parse",
      promise: async (key) => {
        await connected;
        const found = await client.get(key);
        if (found !== null) return JSON.parse(found as string);
        const value = await source(key);
        await client.set(key, JSON.stringify(value), { PX: 3_600_000 });
        return value;
      },
      close: () => client.close(),
    };
  };
};

/** async-cache-dedupe, with its storage in Redis. */
export const asyncCacheDedupe: LoadPeer = async ({ connect }) => {
  const { createCache } = await import("async-cache-dedupe");
  return (source) => {
    const client = connect();
    const storage = { type: "redis", options: { client: client as never } } as const;
    const cache = createCache({ ttl: 3600, storage }).define("value", (key: string) => source(key));
    return {
      name: "async-cache-dedupe",
      promise: (key) => cache.value(key),
      close: () => client.quit(),
    };
  };
};

/** bentocache, one tier in Redis, with its bus. It opens connections of its own, with the ioredis that it brings. */
export const bentoCache: LoadPeer = async ({ connect }) => {
  const { BentoCache, bentostore } = await import("bentocache");
  const { redisBusDriver, redisDriver } = await import("bentocache/drivers/redis");
  const connection = addressOf(connect);
  return (source) => {
    const store = bentostore()
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: "redis", stores: { redis: store } });
    return {
      name: "bentocache with its bus",
      promise: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
      close: () => cache.disconnectAll(),
    };
  };
};

/** cachified, through its adapter for Redis, which speaks to node-redis. It has no tier in memory. */
export const cachified: LoadPeer = async (means) => {
  const { cachified } = await import("@epic-web/cachified");
  const open = await cachifiedOver(means);
  return (source) => {
    const { cache, close } = open();
    return {
      name: "cachified",
      promise: (key) => cachified({ cache, key, ttl: 3_600_000, getFreshValue: () => source(key) }),
      close,
    };
  };
};

async function cachifiedOver({ connect }: Means) {
  const { redisCacheAdapter } = await import("cachified-redis-adapter");
  return () => {
    const client = connect();
    const cache = redisCacheAdapter({
      get: (key) => client.get(key),
      set: (key, value, { EXAT } = { EXAT: 0 }) =>
        EXAT > 0 ? client.set(key, value, "EXAT", EXAT) : client.set(key, value),
      del: (key) => client.del(key),
    });
    return { cache, close: () => client.quit() };
  };
}

/** cacheable in two tiers, as its documentation has it: memory, and Redis through Keyv's client. */
export const cacheable: LoadPeer = async ({ connect }) => {
  const { Cacheable } = await import("cacheable");
  const { default: KeyvRedis } = await import("@keyv/redis");
  return (source) => {
    const cache = new Cacheable({ secondary: new KeyvRedis(urlOf(connect)) });
    return {
      name: "cacheable with @keyv/redis",
      promise: (key) => cache.getOrSet(key, () => source(key), { ttl: "1h" }),
      close: () => cache.disconnect(),
    };
  };
};

/** cache-manager over Keyv's client. */
export const cacheManager: LoadPeer = async ({ connect }) => {
  const { createCache } = await import("cache-manager");
  const { createKeyv } = await import("@keyv/redis");
  return (source) => {
    const cache = createCache({ stores: [createKeyv(urlOf(connect))], ttl: 3_600_000 });
    return {
      name: "cache-manager with @keyv/redis",
      promise: (key) => cache.wrap(key, () => source(key)),
      close: () => cache.disconnect(),
    };
  };
};

/** What people write by hand: `SET NX PX`, and a look every 50 ms. */
export const handWritten: LoadPeer = ({ connect }) => (source) => lockByHand(connect, source);

/** The same with one promise for all callers of a key. */
export const handWrittenShared: LoadPeer = ({ connect }) => (source) =>
  sharing("by hand: SET NX PX, 50 ms, a map of promises", lockByHand(connect, source));

/** Effect's PersistedCache, with its tier in memory, for ten seconds by default. Only Effect 4 has it. */
export const persistedCache: LoadPeer = async (means) =>
  (await import("./persisted_cache.ts")).persistedCache(means, 10);

/** The same, where each call asks Redis. */
export const persistedCacheAlone: LoadPeer = async (means) =>
  (await import("./persisted_cache.ts")).persistedCache(means, 0);

/** This library, with a key that lives for a second and may be stale. */
export const steadyStale: LoadPeer =
  ({ library: { createCache, redisAdapter }, connect }) => (source) => {
    const client = connect();
    const cache = createCache({
      adapter: redisAdapter({ client }),
      cacheTtl: "1 second",
      staleWhileRevalidate: "1 minute",
    });
    return {
      name: "cache-locking",
      promise: (key) => cache.getOrSet(key, () => source(key)),
      close: () => client.quit(),
    };
  };

/** The same key without a stale value. */
export const steadyPlain: LoadPeer =
  ({ library: { createCache, redisAdapter }, connect }) => (source) => {
    const client = connect();
    const cache = createCache({ adapter: redisAdapter({ client }), cacheTtl: "1 second" });
    return {
      name: "cache-locking, nothing stale",
      promise: (key) => cache.getOrSet(key, () => source(key)),
      close: () => client.quit(),
    };
  };

/** The same in bentocache, with a tier in memory, its bus, and a grace period in which nobody waits. */
export const steadyBento: LoadPeer = async ({ connect }) => {
  const { BentoCache, bentostore } = await import("bentocache");
  const { memoryDriver } = await import("bentocache/drivers/memory");
  const { redisBusDriver, redisDriver } = await import("bentocache/drivers/redis");
  const connection = addressOf(connect);
  return (source) => {
    const store = bentostore()
      .useL1Layer(memoryDriver({}))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: "redis", stores: { redis: store } });
    return {
      name: "bentocache with grace and its bus",
      promise: (key) =>
        cache.getOrSet({ key, ttl: "1s", grace: "1m", timeout: 0, factory: () => source(key) }),
      close: () => cache.disconnectAll(),
    };
  };
};

/** The same in cachified, which may serve it stale while it is revalidated. */
export const steadyCachified: LoadPeer = async (means) => {
  const { cachified } = await import("@epic-web/cachified");
  const open = await cachifiedOver(means);
  return (source) => {
    const { cache, close } = open();
    return {
      name: "cachified with swr",
      promise: (key) =>
        cachified({ cache, key, ttl: 1000, swr: 60_000, getFreshValue: () => source(key) }),
      close,
    };
  };
};

function readThrough(connect: Means["connect"], source: Source): Peer & { promise: Source } {
  const client = connect();
  const get = async (key: string): Promise<unknown> => {
    const found = await client.get(key);
    if (found !== null) return JSON.parse(found);
    const value = await source(key);
    await client.set(key, JSON.stringify(value), "PX", 3_600_000);
    return value;
  };
  return { name: "floor: get, JSON.parse, set", promise: get, close: () => client.quit() };
}

function inPipelines(
  connect: Means["connect"],
  source: Source,
  by: string,
  get: (client: Redis, keys: readonly string[]) => Promise<(string | null)[]>,
): Peer {
  const client = connect();
  return readManyThrough(source, {
    name: `floor: ${by}, JSON.parse, a pipeline of SET`,
    get: (keys) => get(client, keys),
    set: (entries) => {
      const pipeline = client.pipeline();
      for (const { key, value } of entries) pipeline.set(key, value, "PX", 3_600_000);
      return pipeline.exec();
    },
    close: () => client.quit(),
  });
}

function lockByHand(connect: Means["connect"], source: Source): Peer & { promise: Source } {
  const client = connect();
  const get = async (key: string): Promise<unknown> => {
    for (;;) {
      const found = await client.get(`hand:${key}`);
      if (found !== null) return JSON.parse(found);
      if (await client.set(`hand:lock:${key}`, "1", "PX", 15_000, "NX")) {
        try {
          const value = await source(key);
          await client.set(`hand:${key}`, JSON.stringify(value), "PX", 3_600_000);
          return value;
        } finally {
          await client.del(`hand:lock:${key}`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { name: "by hand: SET NX PX, 50 ms", promise: get, close: () => client.quit() };
}

function sharing(name: string, { promise, close }: Peer & { promise: Source }): Peer {
  const flights = new Map<string, Promise<unknown>>();
  const get = (key: string): Promise<unknown> => {
    let flight = flights.get(key);
    if (flight === undefined) {
      flight = promise(key).finally(() => flights.delete(key));
      flights.set(key, flight);
    }
    return flight;
  };
  return { name, promise: get, ...close && { close } };
}

function addressOf(connect: () => Redis): { host: string; port: number } {
  const client = connect();
  const { host, port } = client.options;
  client.disconnect();
  return { host: host!, port: port! };
}

function urlOf(connect: () => Redis): string {
  const { host, port } = addressOf(connect);
  return `redis://${host}:${port}`;
}
