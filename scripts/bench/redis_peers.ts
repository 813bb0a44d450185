import { cachified as cachifiedGet } from "@epic-web/cachified";
import KeyvRedis, { createKeyv } from "@keyv/redis";
import { createCache } from "async-cache-dedupe";
import { BentoCache, bentostore } from "bentocache";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import { createCache as createCacheManager } from "cache-manager";
import { Cacheable } from "cacheable";
import { redisCacheAdapter } from "cachified-redis-adapter";
import { Duration, Effect, Exit, Layer, Schema, Scope } from "effect";
import { Persistable, PersistedCache, Persistence, Redis as EffectRedis } from "effect/persistence";
import type { Redis } from "ioredis";
import { redisAdapter } from "../../adapters/redis.ts";
import { Cache } from "../../mod.ts";

/** The source that a cache is in front of. */
export type Source = (key: string) => Promise<string>;

/** A cache in Redis, as one process has it. */
export interface Peer {
  readonly name: string;
  readonly get: (key: string) => Promise<unknown>;
  readonly close: () => unknown;
}

/** Makes one of a source and connections of its own. */
export type MakePeer = (connect: () => Redis, source: Source) => Peer;

/** The least that can be done for a hit. */
export const bare: MakePeer = (connect) => {
  const client = connect();
  return { name: "floor: ioredis.get", get: (key) => client.get(key), close: () => client.quit() };
};

/** The same in a run of Effect's for each call, as cache-locking has it. */
export const bareInEffect: MakePeer = inEffect(bare);

/** This library. */
export const cacheLocking: MakePeer = (connect, source) => {
  const client = connect();
  const cache = Cache.make({ adapter: redisAdapter({ client }), cacheTtl: "1 hour" });
  return {
    name: "cache-locking",
    get: (key) => Effect.runPromise(cache.getOrSet(key, () => Effect.promise(() => source(key)))),
    close: () => client.quit(),
  };
};

/** async-cache-dedupe, with its storage in Redis. */
export const asyncCacheDedupe: MakePeer = (connect, source) => {
  const client = connect();
  const storage = { type: "redis", options: { client: client as never } } as const;
  const cache = createCache({ ttl: 3600, storage }).define("value", (key: string) => source(key));
  return { name: "async-cache-dedupe", get: (key) => cache.value(key), close: () => client.quit() };
};

/** The same in a run of Effect's for each call. */
export const asyncCacheDedupeInEffect: MakePeer = inEffect(asyncCacheDedupe);

/** bentocache, one tier in Redis, with its bus. */
export const bentoCache: MakePeer = (connect, source) => {
  const client = connect();
  const { host, port } = client.options;
  client.disconnect();
  // It opens connections of its own, with the ioredis that it brings.
  const connection = { host: host!, port: port! };
  const store = bentostore()
    .useL2Layer(redisDriver({ connection }))
    .useBus(redisBusDriver({ connection }));
  const cache = new BentoCache({ default: "redis", stores: { redis: store } });
  return {
    name: "bentocache with its bus",
    get: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
    close: () => cache.disconnectAll(),
  };
};

/** cachified, through its adapter for Redis. It has no tier in memory. */
export const cachified: MakePeer = (connect, source) => {
  const client = connect();
  const cache = redisCacheAdapter({
    get: (key) => client.get(key),
    // The adapter speaks to node-redis.
    set: (key, value, { EXAT } = { EXAT: 0 }) =>
      EXAT > 0 ? client.set(key, value, "EXAT", EXAT) : client.set(key, value),
    del: (key) => client.del(key),
  });
  return {
    name: "cachified",
    get: (key) => cachifiedGet({ cache, key, ttl: 3_600_000, getFreshValue: () => source(key) }),
    close: () => client.quit(),
  };
};

/** cacheable in two tiers, as its documentation has it: memory, and Redis through Keyv's client. */
export const cacheable: MakePeer = (connect, source) => {
  const cache = new Cacheable({ secondary: new KeyvRedis(urlOf(connect)) });
  return {
    name: "cacheable with @keyv/redis",
    get: (key) => cache.getOrSet(key, () => source(key), { ttl: "1h" }),
    close: () => cache.disconnect(),
  };
};

/** What people write by hand: `SET NX PX`, and a look every 50 ms. */
export const handWritten: MakePeer = (connect, source) => {
  const client = connect();
  const get = async (key: string): Promise<string> => {
    for (;;) {
      const value = await client.get(`hand:${key}`);
      if (value !== null) return value;
      if (await client.set(`hand:lock:${key}`, "1", "PX", 15_000, "NX")) {
        try {
          const fetched = await source(key);
          await client.set(`hand:${key}`, fetched, "PX", 3_600_000);
          return fetched;
        } finally {
          await client.del(`hand:lock:${key}`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { name: "by hand: SET NX PX, 50 ms", get, close: () => client.quit() };
};

/** cache-manager over Keyv's client. */
export const cacheManager: MakePeer = (connect, source) => {
  const cache = createCacheManager({ stores: [createKeyv(urlOf(connect))], ttl: 3_600_000 });
  return {
    name: "cache-manager with @keyv/redis",
    get: (key) => cache.wrap(key, () => source(key)),
    close: () => cache.disconnect(),
  };
};

class Value extends Persistable.Class<{ payload: { readonly key: string } }>()("Value", {
  primaryKey: ({ key }) => key,
  success: Schema.String,
  error: Schema.String,
}) {}

/**
 * Effect's PersistedCache, by its own layer for Redis, which is given ioredis here. A tier in memory is part of it, for
 * ten seconds by default; a failure is stored, too, for a second.
 */
export const persistedCache: MakePeer = (connect, source) => persisted(connect, source, 10);

/** The same, where each call asks Redis. */
export const persistedCacheAlone: MakePeer = (connect, source) => ({
  ...persisted(connect, source, 0),
  name: "PersistedCache, no memory",
});

function persisted(connect: () => Redis, source: Source, inMemory: number): Peer {
  const client = connect();
  const scope = Scope.makeUnsafe();
  const making = PersistedCache.make(
    ({ key }: Value) => Effect.tryPromise({ try: () => source(key), catch: String }),
    {
      storeId: "values",
      timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.hours(1) : Duration.seconds(1),
      inMemoryTTL: () => Duration.seconds(inMemory),
    },
  );
  const persistence = Layer.provide(Persistence.layerRedis, redisLayer(client));
  const cache = Effect.runPromise(
    Effect.provideService(Effect.provide(making, persistence), Scope.Scope, scope),
  );
  return {
    name: "Effect's PersistedCache",
    get: async (key) => Effect.runPromise((await cache).get(new Value({ key }))),
    close: () => client.quit(),
  };
}

function redisLayer(client: Redis): Layer.Layer<EffectRedis.Redis> {
  const send = <A>(command: string, ...args: readonly string[]) =>
    Effect.tryPromise({
      try: () => client.call(command, ...args) as Promise<A>,
      catch: (cause) => new EffectRedis.RedisError({ cause }),
    });
  const unused = Effect.die(new Error("Nothing here subscribes or reserves a connection"));
  return Layer.effect(
    EffectRedis.Redis,
    EffectRedis.make({ send, subscribe: () => unused, connect: unused }),
  );
}

function inEffect(make: MakePeer): MakePeer {
  return (connect, source) => {
    const { name, get, close } = make(connect, source);
    const effect = (key: string) => Effect.promise(() => get(key));
    return { name: `${name}, in Effect`, get: (key) => Effect.runPromise(effect(key)), close };
  };
}

function urlOf(connect: () => Redis): string {
  const client = connect();
  const { host, port } = client.options;
  client.disconnect();
  return `redis://${host}:${port}`;
}
