/**
 * The adapters that configs name, each loaded on first use: mod.ts loads this on first use as well, so that who needs
 * memory alone carries none of it.
 *
 * @module
 */
import type { AdapterConfig, MemoryAdapterConfig } from "./mod.ts";
import type { Store } from "./src/store.ts";

type RemoteConfig = Exclude<AdapterConfig, MemoryAdapterConfig>;

const loaders: {
  readonly [Config in RemoteConfig as Config["type"]]: (
    options: Config["options"],
  ) => Promise<Store<unknown>>;
} = {
  "cloudflare-d1": async (options) =>
    (await import("./adapters/cloudflare_d1.ts")).cloudflareD1Adapter(options),
  "cloudflare-kv": async (options) =>
    (await import("./adapters/cloudflare_kv.ts")).cloudflareKvAdapter(options),
  dynamodb: async (options) => (await import("./adapters/dynamodb.ts")).dynamodbAdapter(options),
  memcached: async (options) => (await import("./adapters/memcached.ts")).memcachedAdapter(options),
  mongodb: async (options) => (await import("./adapters/mongodb.ts")).mongodbAdapter(options),
  postgres: async (options) => (await import("./adapters/postgres.ts")).postgresAdapter(options),
  r2: async (options) => (await import("./adapters/r2.ts")).r2Adapter(options),
  redis: async (options) => (await import("./adapters/redis.ts")).redisAdapter(options),
  s3: async (options) => (await import("./adapters/s3.ts")).s3Adapter(options),
};

/** Loads an adapter and makes its store. */
export function loadAdapter(type: RemoteConfig["type"], options: never): Promise<Store<unknown>> {
  return loaders[type](options);
}
