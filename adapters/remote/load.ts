/**
 * The adapters that configs name, each loaded on first use: mod.ts loads this on first use as well, so that who needs
 * memory alone carries none of it.
 *
 * @module
 */
import type { RemoteConfig } from "./configs.ts";
import type { Store } from "../../src/store/store.ts";

const loaders: {
  readonly [Config in RemoteConfig as Config["type"]]: () => Promise<
    (options: Config["options"]) => Store<unknown>
  >;
} = {
  "cloudflare-d1": async () => (await import("../cloudflare_d1.ts")).cloudflareD1Adapter,
  "cloudflare-kv": async () => (await import("../cloudflare_kv.ts")).cloudflareKvAdapter,
  dynamodb: async () => (await import("../dynamodb.ts")).dynamodbAdapter,
  memcached: async () => (await import("../memcached.ts")).memcachedAdapter,
  mongodb: async () => (await import("../mongodb.ts")).mongodbAdapter,
  postgres: async () => (await import("../postgres.ts")).postgresAdapter,
  r2: async () => (await import("../r2.ts")).r2Adapter,
  redis: async () => (await import("../redis.ts")).redisAdapter,
  s3: async () => (await import("../s3.ts")).s3Adapter,
  sqlite: async () => (await import("../sqlite.ts")).sqliteAdapter,
};

/** Loads an adapter: what makes its store. */
export function loadAdapter(
  type: RemoteConfig["type"],
): Promise<(options: never) => Store<unknown>> {
  return loaders[type]();
}
