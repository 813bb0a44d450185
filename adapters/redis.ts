/**
 * The Redis adapter: entries and leases in Redis or Valkey, on one server, behind Sentinel or in a cluster, through a
 * client of ioredis, iovalkey or node-redis, with push over pub/sub.
 *
 * An entry is a string; its name is `cache.keyPrefix` and the key. Its lease is a hash in the same slot of a cluster:
 * the lease of `user:42` is `lease:{user:42}`. Every operation is one command or one script, so one round trip. The
 * server's clock decides when they expire.
 *
 * Pub/sub wakes followers over a second connection. The first follower opens it as a duplicate of the client. It is
 * closed a second after the last follower has left, or with the client. In a cluster the pub/sub is sharded (Redis 7,
 * and ioredis 5.9 or node-redis; the others' followers poll). If pub/sub fails, followers poll.
 *
 * A process whose fetch has run for half a second subscribes to a channel of its own on that connection, and its lease
 * names it. An acquire that finds such a lease asks in its script how many subscribe to the channel: where nobody did twice,
 * a second apart, the lease of a dead leader is over. Where that can't be asked, the lease's time decides.
 *
 * Where a client of one server has an L1, the scripts that change entries count that and tell of it on a channel, by whose
 * name, `lease:{~changes}` with the `cache.keyPrefix` before the `~`, it is counted, too. In a cluster they tell of it on that
 * channel by PUBLISH, and nothing counts it; an L1 hears it by one more connection, to any node. A user of an ACL who may not
 * use that name changes entries without telling anybody. With `l1: { tracking: true }` the server itself tells of changes, by
 * CLIENT TRACKING, on one more connection; an ACL must allow CLIENT ID, CLIENT TRACKING and the channel `__redis__:invalidate`.
 *
 * An ACL must allow the user EVAL, EVALSHA, GET, SET, DEL, HGET, HSET, HMGET, HDEL, PEXPIRE and PTTL, and the names of
 * entries and leases; for push PUBLISH, SUBSCRIBE and UNSUBSCRIBE, in a cluster SPUBLISH, SSUBSCRIBE and SUNSUBSCRIBE, and
 * channels with the names of leases; for dead leaders PUBSUB, and INFO or, in a cluster, CLUSTER MYID. The first acquire
 * without one of the former fails, before the fetch, and names them.
 *
 * A plain entry is what the codec makes of the value, and nothing else. One with a stale time begins with a line that says
 * how long that is; for how much longer it lives is asked for with its value, in the same round trip (PTTL, GET), by callers
 * who want to know. Others ask again where they find such a line. For ioredis and iovalkey these are two commands: a value
 * that is set between them, as may happen in a cluster, is told with the life of the one before.
 *
 * An entry of another type, such as a list, can't be decoded: it is reported and replaced.
 *
 * A key that is named as a lease, `lease:{a}`, has a `~` at the end of its name, so that no key reaches another's lease.
 * That holds among stores with the same `leases.keyPrefix`, over clients with the same `keyPrefix`.
 *
 * While a cluster moves a slot to another node, Redis runs no script of two keys in it (TRYAGAIN). The adapter asks again
 * until the slot has moved, or until `operationTimeout`; it renews and releases leases meanwhile.
 *
 * Redis replicates asynchronously: a failover may lose the latest leases, and then two callers may lead. Only the one
 * whose lease the server knows can fill.
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
import type { AdapterErrorOptions, AdapterOperation } from "../src/model/errors.ts";
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { randomToken } from "../src/model/token.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Changes, Store } from "../src/store/store.ts";
import { checkPrefix, makeNames } from "./kit/names.ts";
import { makeStore } from "./kit/store.ts";
import { redisBackend } from "./redis/backend.ts";
import { changesOf, trackedChangesOf } from "./redis/changes.ts";
import { redisCommands } from "./redis/client.ts";
import { redisNames } from "./redis/names.ts";
import type { RedisAdapterOptions, RedisLeasesOptions } from "./redis/options.ts";

export type {
  IoredisClient,
  IoredisConnection,
  IoredisSubscriber,
  NodeRedisClient,
  NodeRedisCommands,
  NodeRedisListener,
  NodeRedisScript,
  NodeRedisSubscriber,
  RedisAdapterOptions,
  RedisClient,
  RedisLeasesOptions,
  RedisSubscriber,
} from "./redis/options.ts";

/**
 * Makes a store. A client may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function redisAdapter<V = unknown>(options: RedisAdapterOptions): Store<V> {
  return storeOf(options) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half
 * share a flight. Throws a `TypeError` for bad options.
 */
export function redisLeases(options: RedisLeasesOptions): LeasesHalf {
  return leasesHalf(storeOf(options, { leasesAlone: true }));
}

function storeOf(
  options: RedisAdapterOptions,
  { leasesAlone = false }: { readonly leasesAlone?: boolean } = {},
): Store<unknown> {
  checkNames(options, "client", "subscriber", "cache.keyPrefix", "leases.keyPrefix", "codec");
  const { client, subscriber, cache, leases, codec } = options;
  const commands = redisCommands(client, subscriber);
  const ofEntries = { option: "cache.keyPrefix", prefix: cache?.keyPrefix };
  const { entryOf, leaseOf } = redisNames({
    ofClient: commands.keyPrefix,
    ofEntries: checkPrefix(ofEntries),
    ofLeases: checkPrefix({ option: "leases.keyPrefix", prefix: leases?.keyPrefix ?? "lease:" }),
  });
  const nameOfKey = makeNames(ofEntries);
  const counted = `${ofEntries.prefix ?? ""}~changes`;
  const changesName = leaseOf(counted);
  // The lease of this one would be what counts changes.
  const nameOf = (key: string) => {
    const name = nameOfKey(key);
    const isCounted = name.startsWith(counted) && /^~*$/.test(name.slice(counted.length));
    return entryOf(isCounted ? `${name}~` : name);
  };
  const changes = leasesAlone ? undefined : changesOf(commands, changesName);
  const channel = `${commands.keyPrefix}${changesName}`;
  const token = randomToken();
  let trackedChanges: Changes | undefined;
  return makeStore({
    name: "redis",
    backend: redisBackend(
      commands,
      // A lease alone is in place of the entry that isn't there: it is no string, as an entry is.
      (entry) => [leaseOf(entry), leasesAlone ? leaseOf(entry) : entry],
      (key) => changes === undefined ? [] : [channel, changes.hashOf(key)],
    ),
    changes,
    tracked: () =>
      trackedChanges ??= trackedChangesOf(commands, {
        name: changesName,
        prefix: commands.keyPrefix + (ofEntries.prefix ?? ""),
        nameOf: (key) => commands.keyPrefix + nameOf(key),
      }),
    nameOf,
    codec,
    explain,
    unordered: commands.unordered,
    push: commands.push,
    topicOf: (name) => commands.keyPrefix + leaseOf(name),
    // One channel for all leases, or in a cluster one in the slot of each.
    presenceOf: (name) =>
      commands.keyPrefix + (commands.isCluster ? leaseOf(name) + token : leaseOf(token)),
  });
}

/** Says what the server's refusals mean that aren't of this moment. */
function explain(error: unknown, operation: AdapterOperation): AdapterErrorOptions | undefined {
  if (!(error instanceof Error)) return undefined;
  // The server tells the arguments of a command that it doesn't know, the value among them.
  error.message = error.message.replace(/, with args beginning with:.*/s, "");
  const { message } = error;
  if (operation === "get" && message.startsWith("WRONGTYPE")) {
    return { reason: "the stored value is no string", corrupt: true };
  }
  if (/^NOPERM|executing the script can't/.test(message)) {
    return { reason: `${message.trim()}; the user needs ${RIGHTS}` };
  }
  if (/unknown (redis |valkey )?command/i.test(message)) {
    return { reason: `${message.trim()}; the server must have EVAL, and all of ${COMMANDS}` };
  }
  return undefined;
}

/** What the adapter sends, but for pub/sub, without which followers poll. */
const COMMANDS = "GET, SET, DEL, HGET, HSET, HMGET, HDEL, PEXPIRE and PTTL";
/** What a user of an ACL needs. */
const RIGHTS = `the keys of entries and leases, EVAL, EVALSHA, ${COMMANDS}`;
