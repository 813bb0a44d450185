import type { Codec } from "../../src/store/codec.ts";

/**
 * What the adapter uses of a connection of ioredis or iovalkey, `Redis` or `Cluster`. It is declared here, so that neither
 * types nor copies of these libraries have to match.
 */
export interface IoredisConnection {
  /** True for a `Cluster`. */
  readonly isCluster?: boolean;
  /** Its state: `end` or `close` once it is closed for good. */
  readonly status?: string;
  /** The options that it was made with. */
  readonly options?: {
    readonly keyPrefix?: string | undefined;
    readonly redisOptions?: object | undefined;
    readonly shardedSubscribers?: boolean | undefined;
    readonly enableReadyCheck?: boolean | undefined;
    readonly disableClientInfo?: boolean | undefined;
  };
  /** Listens to an event. */
  on(event: string, listener: (...args: string[]) => void): unknown;
  /** Stops listening. */
  removeListener(event: string, listener: (...args: string[]) => void): unknown;
}

/** A connection of ioredis or iovalkey for pub/sub alone. */
export interface IoredisSubscriber extends IoredisConnection {
  /** [SUBSCRIBE](https://redis.io/docs/latest/commands/subscribe/) */
  subscribe(...channels: string[]): Promise<unknown>;
  /** [UNSUBSCRIBE](https://redis.io/docs/latest/commands/unsubscribe/) */
  unsubscribe(...channels: string[]): Promise<unknown>;
  /** [SSUBSCRIBE](https://redis.io/docs/latest/commands/ssubscribe/) */
  ssubscribe(...channels: string[]): Promise<unknown>;
  /** [SUNSUBSCRIBE](https://redis.io/docs/latest/commands/sunsubscribe/) */
  sunsubscribe(...channels: string[]): Promise<unknown>;
  /** Closes it. */
  disconnect(): void;
}

/**
 * The client, as [ioredis](https://github.com/redis/ioredis) 5 and 6 and
 * [iovalkey](https://github.com/valkey-io/iovalkey) make it. The adapter never closes it.
 */
export interface IoredisClient extends IoredisConnection {
  /** [GET](https://redis.io/docs/latest/commands/get/), as bytes. */
  getBuffer(key: string): Promise<Uint8Array | null>;
  /** [MGET](https://redis.io/docs/latest/commands/mget/), as bytes. */
  mgetBuffer(...keys: string[]): Promise<(Uint8Array | null)[]>;
  /** [PTTL](https://redis.io/docs/latest/commands/pttl/) */
  pttl(key: string): Promise<unknown>;
  /** Adds a script to the client's commands; ioredis sends it as EVALSHA, and as EVAL where the server lacks it. */
  defineCommand(
    name: string,
    definition: { readonly lua: string; readonly numberOfKeys?: number },
  ): void;
  /** Opens one more connection like this one. */
  duplicate(first?: never, second?: never): IoredisSubscriber;
}

/** The keys and the other arguments of a script, as node-redis takes them. */
export interface NodeRedisScript {
  /** Its keys. */
  keys: string[];
  /** Its other arguments: text, or bytes in a `Buffer`. */
  arguments: string[];
}

/** What the adapter sends through node-redis. */
export interface NodeRedisCommands {
  /** [GET](https://redis.io/docs/latest/commands/get/) */
  get(key: string): Promise<unknown>;
  /** [MGET](https://redis.io/docs/latest/commands/mget/) */
  mGet(keys: string[]): Promise<unknown>;
  /** [EVAL](https://redis.io/docs/latest/commands/eval/) */
  eval(script: string, options: NodeRedisScript): Promise<unknown>;
  /** [EVALSHA](https://redis.io/docs/latest/commands/evalsha/) */
  evalSha(sha1: string, options: NodeRedisScript): Promise<unknown>;
}

/** What receives the messages of a channel. */
export type NodeRedisListener = (message: unknown, channel: unknown) => void;

/** A connection of node-redis that can subscribe: of one server, of a cluster, or behind Sentinel. */
export interface NodeRedisSubscriber {
  /** Listens to an event. */
  on(event: string, listener: (error: Error) => void): unknown;
  /** Stops listening. */
  removeListener(event: string, listener: (error: Error) => void): unknown;
  /** False once it was closed, or has given up. */
  readonly isOpen: boolean;
  /** [SUBSCRIBE](https://redis.io/docs/latest/commands/subscribe/) */
  subscribe(channel: string, listener: NodeRedisListener): Promise<unknown> | undefined;
  /** [UNSUBSCRIBE](https://redis.io/docs/latest/commands/unsubscribe/) */
  unsubscribe(channel: string, listener: NodeRedisListener): Promise<unknown> | undefined;
  /** [SSUBSCRIBE](https://redis.io/docs/latest/commands/ssubscribe/) */
  sSubscribe(channel: string, listener: NodeRedisListener): Promise<unknown> | undefined;
  /** [SUNSUBSCRIBE](https://redis.io/docs/latest/commands/sunsubscribe/) */
  sUnsubscribe(channel: string, listener: NodeRedisListener): Promise<unknown> | undefined;
}

/**
 * The client, as [node-redis](https://github.com/redis/node-redis) 5 and 6 make it, from the packages `redis` and
 * `@redis/client`: `createClient`, `createClientPool`, `createCluster` or `createSentinel`. It is declared here, so that
 * neither types nor copies of node-redis have to match. It must be connected. The adapter never closes it.
 */
export interface NodeRedisClient extends NodeRedisCommands {
  /** The same client, whose replies come as other types: texts as bytes. */
  withTypeMapping(mapping: never): NodeRedisCommands;
  /** Listens to an event. */
  on(event: string, listener: (error: Error) => void): unknown;
  /** Stops listening. */
  removeListener(event: string, listener: (error: Error) => void): unknown;
}

/** The client: of ioredis, iovalkey or node-redis. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** A connection for pub/sub alone, of the client's own library. */
export type RedisSubscriber = IoredisSubscriber | NodeRedisSubscriber;

/** The options of {@linkcode redisLeases}. */
export interface RedisLeasesOptions {
  /** The client. Only the user closes it. */
  readonly client: RedisClient;
  /**
   * A connection for pub/sub, from the client's library, instead of one that the adapter opens. Only the user closes it.
   * From ioredis it must be made with `shardedSubscribers: true` for a cluster; from node-redis it must be connected.
   */
  readonly subscriber?: RedisSubscriber | undefined;
  /** The prefix of the names of leases: `'lease:'` by default. */
  readonly leases?: { readonly keyPrefix?: string | undefined } | undefined;
}

/** The options of {@linkcode redisAdapter}. */
export interface RedisAdapterOptions extends RedisLeasesOptions {
  /** The prefix of the names of entries, after the `keyPrefix` of the client: none by default. */
  readonly cache?: { readonly keyPrefix?: string | undefined } | undefined;
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
