import type { CloudflareD1AdapterOptions } from "../cloudflare_d1/options.ts";
import type { CloudflareKvAdapterOptions } from "../cloudflare_kv/options.ts";
import type { DynamodbAdapterOptions } from "../dynamodb/options.ts";
import type { MemcachedAdapterOptions } from "../memcached/options.ts";
import type { MemoryAdapterOptions } from "../memory/options.ts";
import type { MongodbAdapterOptions } from "../mongodb/options.ts";
import type { PostgresAdapterOptions } from "../postgres/options.ts";
import type { R2AdapterOptions } from "../r2/options.ts";
import type { RedisAdapterOptions } from "../redis/options.ts";
import type { S3AdapterOptions } from "../s3/options.ts";
import type { SqliteAdapterOptions } from "../sqlite/options.ts";

/** The config of the memory adapter: one store per config object. */
export interface MemoryAdapterConfig {
  /** The adapter's name. */
  readonly type: "memory";
  /** Its options. */
  readonly options?: MemoryAdapterOptions | undefined;
}

/** The config of an adapter whose code is loaded on first use: one store for the same clients and options. */
export interface RemoteAdapterConfig<Type extends string, Options> {
  /** The adapter's name. */
  readonly type: Type;
  /** Its options. */
  readonly options: Options;
}

/** The config of an adapter: its type and its options. */
export type AdapterConfig =
  | MemoryAdapterConfig
  | RemoteAdapterConfig<"cloudflare-d1", CloudflareD1AdapterOptions>
  | RemoteAdapterConfig<"cloudflare-kv", CloudflareKvAdapterOptions>
  | RemoteAdapterConfig<"dynamodb", DynamodbAdapterOptions>
  | RemoteAdapterConfig<"memcached", MemcachedAdapterOptions>
  | RemoteAdapterConfig<"mongodb", MongodbAdapterOptions>
  | RemoteAdapterConfig<"postgres", PostgresAdapterOptions>
  | RemoteAdapterConfig<"r2", R2AdapterOptions>
  | RemoteAdapterConfig<"redis", RedisAdapterOptions>
  | RemoteAdapterConfig<"s3", S3AdapterOptions>
  | RemoteAdapterConfig<"sqlite", SqliteAdapterOptions>;

/** A config whose adapter is loaded on first use. */
export type RemoteConfig = Exclude<AdapterConfig, MemoryAdapterConfig>;

/** The options of each adapter that is loaded on first use, of which it needs one. */
export const needs: {
  readonly [Config in RemoteConfig as Config["type"]]: readonly (keyof Config["options"])[];
} = {
  "cloudflare-d1": ["db"],
  "cloudflare-kv": ["kv"],
  dynamodb: ["client"],
  memcached: ["client"],
  mongodb: ["collection"],
  postgres: ["sql", "pool"],
  r2: ["bucket"],
  redis: ["client"],
  s3: ["client"],
  sqlite: ["db"],
};
