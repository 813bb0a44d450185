import { Duration, Effect, Exit, Layer, Schema, Scope } from "effect";
import { Persistable, PersistedCache, Persistence, Redis as EffectRedis } from "effect/persistence";
import type { Redis } from "ioredis";
import type { MakePeer, Means } from "./peer.ts";

class Value extends Persistable.Class<{ payload: { readonly key: string } }>()("Value", {
  primaryKey: ({ key }) => key,
  success: Schema.Unknown,
  error: Schema.String,
}) {}

/**
 * Effect's PersistedCache, by its own layer for Redis, which is given ioredis here. A tier in memory is part of it, for so
 * many seconds; a failure is stored, too, for a second.
 */
export function persistedCache({ connect }: Means, inMemory: number): MakePeer {
  return (source) => {
    const client = connect();
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
      Effect.provideService(Effect.provide(making, persistence), Scope.Scope, Scope.makeUnsafe()),
    );
    return {
      name: inMemory > 0 ? "Effect's PersistedCache" : "PersistedCache, no memory",
      promise: async (key) => Effect.runPromise((await cache).get(new Value({ key }))),
      close: () => client.quit(),
    };
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
