import type { Codec } from "../../src/store/codec.ts";

/**
 * What the adapter uses of an ioredis connection, `Redis` or `Cluster`. It is declared here, so that neither types nor
 * copies of ioredis have to match.
 */
export interface RedisConnection {
  /** True for a `Cluster`. */
  readonly isCluster?: boolean;
  /** The options that it was made with. */
  readonly options?: {
    readonly keyPrefix?: string | undefined;
    readonly redisOptions?: object | undefined;
    readonly shardedSubscribers?: boolean | undefined;
  };
  /** Listens to an event. */
  on(event: string, listener: (...args: string[]) => void): unknown;
  /** Stops listening. */
  removeListener(event: string, listener: (...args: string[]) => void): unknown;
}

/** A connection for pub/sub alone. */
export interface RedisSubscriber extends RedisConnection {
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

/** The client, as [ioredis](https://github.com/redis/ioredis) 5 and 6 make it. The adapter never closes it. */
export interface RedisClient extends RedisConnection {
  /** [GET](https://redis.io/docs/latest/commands/get/), as bytes. */
  getBuffer(key: string): Promise<Uint8Array | null>;
  /** Adds a script to the client's commands; ioredis sends it as EVALSHA, and as EVAL where the server lacks it. */
  defineCommand(
    name: string,
    definition: { readonly lua: string; readonly numberOfKeys: number },
  ): void;
  /** Opens one more connection like this one. */
  duplicate(first?: never, second?: never): RedisSubscriber;
}

/** The options of {@linkcode redisLeases}. */
export interface RedisLeasesOptions {
  /** The client. Only the user closes it. */
  readonly client: RedisClient;
  /**
   * A connection for pub/sub, instead of a duplicate of the client. Only the user closes it. For a cluster, it must be
   * made with `shardedSubscribers: true`.
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
