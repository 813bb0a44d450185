/**
 * The Redis adapter: entries and leases in Redis or Valkey, on one server, behind Sentinel or in a cluster, through an
 * ioredis client, with push over pub/sub.
 *
 * An entry lies under its key, after `cache.keyPrefix`; its lease is a hash beside it, in the same slot of a cluster: that
 * of `user:42` is `lease:{user:42}`. Every operation is one command or one script, so one round trip. Time is the server's.
 * Followers are woken over one connection more, a duplicate of the client that the first of them opens and that is closed
 * a second after the last has gone, or with the client; in a cluster by sharded pub/sub (Redis 7 and ioredis 5.7 or later).
 * Where it can't be had, they poll.
 *
 * What lies under an entry's name and is no string, such as a list, is an entry that can't be decoded: it is reported, and
 * replaced.
 *
 * No key of yours may be named as a lease is: a key `lease:{a}` and the lease of `a` would be one. Another
 * `leases.keyPrefix` keeps them apart.
 *
 * Redis replicates asynchronously: a failover may lose the latest leases, and two may lead then. Only the one whose lease
 * is known after it can fill.
 *
 * @example
 * ```ts redis
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import { Redis } from "ioredis";
 * import { Cache } from "cache-locking";
 * import { redisAdapter } from "cache-locking/redis";
 *
 * const client = new Redis(process.env.REDIS_URL!);
 * const users = Cache.make({
 *   adapter: redisAdapter({ client, cache: { keyPrefix: "example:" } }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * assert.equal(await client.get("example:user:42"), '{"name":"Ada"}');
 *
 * await Effect.runPromise(users.delete("user:42"));
 * await client.quit();
 * ```
 *
 * @module
 */
import type { Codec } from "../src/store/codec.ts";
import type { AdapterErrorOptions, AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { checkPrefix, makeNames } from "./kit/names.ts";
import { makeStore } from "./kit/store.ts";
import { redisBackend } from "./redis/backend.ts";
import { ioredisCommands, type RedisClient, type RedisSubscriber } from "./redis/ioredis.ts";
import { leaseNames } from "./redis/names.ts";

export type { RedisClient, RedisConnection, RedisSubscriber } from "./redis/ioredis.ts";

/** The options of {@linkcode redisLeases}. */
export interface RedisLeasesOptions {
  /** The client, which stays the user's own to close. */
  readonly client: RedisClient;
  /**
   * A connection for pub/sub to use in place of a duplicate of the client; it stays the user's own to close. That of a
   * cluster must have been made with `shardedSubscribers: true`.
   */
  readonly subscriber?: RedisSubscriber | undefined;
  /** What the names of leases begin with: `'lease:'` by default. */
  readonly leases?: { readonly keyPrefix?: string | undefined } | undefined;
}

/** The options of {@linkcode redisAdapter}. */
export interface RedisAdapterOptions extends RedisLeasesOptions {
  /** What the names of entries begin with: nothing by default, beyond the `keyPrefix` of the client. */
  readonly cache?: { readonly keyPrefix?: string | undefined } | undefined;
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes a store of its own, over a client that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function redisAdapter<V = unknown>(options: RedisAdapterOptions): Store<V> {
  return storeOf(options, { entries: true }) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Keep it in a constant, as callers meet by it. Throws
 * a `TypeError` for options that can't be used.
 */
export function redisLeases(options: RedisLeasesOptions): LeasesHalf {
  return leasesHalf(storeOf(options, { entries: false }));
}

function storeOf(
  { client, subscriber, cache, leases, codec }: RedisAdapterOptions,
  { entries }: { readonly entries: boolean },
): Store<unknown> {
  const commands = ioredisCommands(client, subscriber);
  const ofClient = commands.keyPrefix;
  const ofEntries = { option: "cache.keyPrefix", prefix: cache?.keyPrefix };
  const ofLeases = { option: "leases.keyPrefix", prefix: leases?.keyPrefix ?? "lease:" };
  const nameOf = makeNames(ofEntries);
  const leaseOf = leaseNames({
    ofClient,
    ofEntries: checkPrefix(ofEntries),
    ofLeases: checkPrefix(ofLeases),
  });
  return makeStore({
    name: "redis",
    backend: redisBackend(commands, { leaseOf, entries }),
    nameOf,
    codec,
    explain,
    push: commands.push,
    topicOf: (name) => ofClient + leaseOf(name),
  });
}

/** The server's refusal to read what is no string. */
function explain(error: unknown, operation: AdapterOperation): AdapterErrorOptions | undefined {
  return operation === "get" && error instanceof Error && error.message.startsWith("WRONGTYPE")
    ? { reason: "what is stored is no string", corrupt: true }
    : undefined;
}
