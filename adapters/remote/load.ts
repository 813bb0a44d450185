/**
 * The adapters that configs name, each loaded on first use: mod.ts loads this on first use as well, so that who needs
 * memory alone carries none of it.
 *
 * @module
 */
import type { RemoteConfig } from "./configs.ts";
import type { Store } from "../../src/store/store.ts";

const loaders: {
  readonly [Config in RemoteConfig as Config["type"]]: (
    options: Config["options"],
  ) => Promise<Store<unknown>>;
} = {
  "cloudflare-d1": async (options) =>
    (await import("../cloudflare_d1.ts")).cloudflareD1Adapter(options),
  "cloudflare-kv": async (options) =>
    (await import("../cloudflare_kv.ts")).cloudflareKvAdapter(options),
  dynamodb: async (options) => (await import("../dynamodb.ts")).dynamodbAdapter(options),
  memcached: async (options) => (await import("../memcached.ts")).memcachedAdapter(options),
  mongodb: async (options) => (await import("../mongodb.ts")).mongodbAdapter(options),
  postgres: async (options) => (await import("../postgres.ts")).postgresAdapter(options),
  r2: async (options) => (await import("../r2.ts")).r2Adapter(options),
  redis: async (options) => (await import("../redis.ts")).redisAdapter(options),
  s3: async (options) => (await import("../s3.ts")).s3Adapter(options),
};

/** Loads an adapter and makes its store. */
export function loadAdapter(type: RemoteConfig["type"], options: never): Promise<Store<unknown>> {
  return loaders[type](options);
}
