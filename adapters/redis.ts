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
import { attempt } from "../src/store/attempt.ts";
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Effect } from "../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { prefixOf, wellFormed } from "./kit/keys.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import type { Acquired, LeaseOutcome, Store } from "../src/store/store.ts";
import { makeWatchers } from "./kit/watchers.ts";

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
 * Makes the store of a client; the same one for the same client and options. Throws a `TypeError` for options that can't
 * be used.
 */
export function redisAdapter<V = unknown>(options: RedisAdapterOptions): Store<V> {
  return sharedStore("redis", options, () => makeStore(options, ["lease", "entry"])) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Throws a `TypeError` for options that can't be
 * used.
 */
export function redisLeases(options: RedisLeasesOptions): LeasesHalf {
  return leasesHalf(sharedStore("redis leases", options, () => makeStore(options, ["lease"])));
}

type Keys = readonly ["lease", "entry"] | readonly ["lease"];
type Reply = Uint8Array | number | string | readonly (Uint8Array | number | string | null)[];

function makeStore(options: RedisAdapterOptions, keys: Keys): Store<unknown> {
  const { client, subscriber } = options;
  const codec = codecOf(options.codec);
  checkClient(client, subscriber);
  const { entryKey, leaseKey, channelOf } = namesOf(options);
  const script = defineScripts(client, keys.length);

  const run = <A, B = A>(
    operation: AdapterOperation,
    key: string,
    ask: () => Promise<A>,
    read?: (answer: A) => Effect.Effect<B, AdapterError>,
    refused?: (error: unknown) => Effect.Effect<B, AdapterError>,
  ) => wellFormed(operation, key, () => attempt(operation, key, ask, read, refused));
  const ask = (
    operation: Exclude<AdapterOperation, "get" | "ready" | "watch">,
    key: string,
    ...args: (string | number | Uint8Array)[]
  ) =>
    run(operation, key, () => {
      const names = keys.length === 1 ? [leaseKey(key)] : [leaseKey(key), entryKey(key)];
      return script(operation, ...names, ...args);
    });
  const encoded = (operation: AdapterOperation, key: string, value: unknown) =>
    Effect.map(encode(codec, operation, key, value), toBuffer);

  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor = "",
    ...unreadable: Uint8Array[]
  ): Effect.Effect<Acquired<unknown>, AdapterError> =>
    Effect.flatMap(
      ask("acquire", key, owner, wholeMillis(ttl), waitedFor, ...unreadable),
      (reply): Effect.Effect<Acquired<unknown>, AdapterError> => {
        if (reply instanceof Uint8Array) {
          return Effect.matchEffect(decode(codec, "acquire", key, reply), {
            onSuccess: (entry) => Effect.succeed({ _tag: "Hit", entry }),
            onFailure: () => acquire(key, owner, ttl, waitedFor, reply),
          });
        }
        const [holder, left, failed] = reply as [Uint8Array?, (number | string)?, Uint8Array?];
        if (!holder) return Effect.succeed({ _tag: "Ended", outcome: "uncached" });
        const remaining = Number(left);
        const lease = text.decode(holder);
        const after = failed ? "failed" : undefined;
        return Effect.succeed(
          lease === owner
            ? { _tag: "Leader", remaining, after }
            : { _tag: "Follower", remaining, lease, after },
        );
      },
    );

  return {
    name: "redis",
    get: (key) =>
      run(
        "get",
        key,
        () => client.getBuffer(entryKey(key)),
        (bytes) => bytes === null ? Effect.succeed(undefined) : decode(codec, "get", key, bytes),
        (error) => foreign("get", key, error),
      ),
    set: (key, value, ttl) =>
      Effect.flatMap(
        encoded("set", key, value),
        (data) => Effect.asVoid(ask("set", key, data, ...expiry(ttl))),
      ),
    delete: (key) => Effect.asVoid(ask("delete", key)),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor),
    renew: (key, owner, ttl) => Effect.map(ask("renew", key, owner, wholeMillis(ttl)), isOne),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        encoded("fill", key, value),
        (data) => Effect.map(ask("fill", key, owner, data, ...expiry(ttl)), isOne),
      ),
    release: (key, owner, outcome: LeaseOutcome) =>
      Effect.asVoid(ask("release", key, owner, outcome)),
    watch: watchBy(client, subscriber, channelOf),
  };
}

/** An owner may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** The server's refusal to read what is no string; throws every other error again. */
function foreign(
  operation: AdapterOperation,
  key: string,
  error: unknown,
): Effect.Effect<never, AdapterError> {
  if (!(error instanceof Error && error.message.startsWith("WRONGTYPE"))) throw error;
  const reason = "what is stored is no string";
  return Effect.fail(new AdapterError(operation, key, undefined, { reason, corrupt: true }));
}

/** With its option `stringNumbers` ioredis answers with text for numbers. */
function isOne(reply: Reply): boolean {
  return Number(reply) === 1;
}

/** Redis takes whole milliseconds, from 1. */
function wholeMillis(ttl: number): number {
  return Math.min(Math.ceil(ttl), Number.MAX_SAFE_INTEGER);
}

function expiry(ttl: number | undefined): number[] {
  return ttl === undefined ? [] : [wholeMillis(ttl)];
}

/** ioredis sends only a `Buffer` as bytes. */
function toBuffer(data: string | Uint8Array): string | Uint8Array {
  if (typeof data === "string") return data;
  const { Buffer } = globalThis as unknown as { Buffer: BufferConstructor };
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

interface BufferConstructor {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

function checkClient(client: RedisClient, subscriber: RedisSubscriber | undefined): void {
  if (typeof client?.defineCommand !== "function" || typeof client.getBuffer !== "function") {
    throw new TypeError(`\`client\` must be an ioredis client, and is ${describe(client)}`);
  }
  if (subscriber?.isCluster && !subscriber.options?.shardedSubscribers) {
    throw new TypeError("`subscriber` must have been made with `shardedSubscribers: true`");
  }
}

interface Names {
  readonly entryKey: (key: string) => string;
  readonly leaseKey: (key: string) => string;
  /** The name of the lease as the server sees it. */
  readonly channelOf: (key: string) => string;
}

/**
 * The names of an entry and its lease, in one slot of a cluster, which is that of the name's
 * [hash tag](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags): what stands between
 * its first `{` and the first `}` after it, or else the whole name. A lease's name takes one of three forms, told apart by
 * how they end: `{…}` around an entry's name without a tag, the entry's name and `:` where it has one, and, for names such
 * as `a}b` that can neither stand in a tag nor have one, the entry's name with a number that leads to the same slot.
 */
function namesOf({ client, cache, leases }: RedisAdapterOptions): Names {
  const ofClient = String(client.options?.keyPrefix ?? "");
  const ofEntries = prefixOf("cache.keyPrefix", cache?.keyPrefix);
  const ofLeases = prefixOf("leases.keyPrefix", leases?.keyPrefix, "lease:");
  const tag = hashTag(ofClient + ofLeases);
  if (
    ofLeases === ofEntries ||
    /[{}]/.test(ofClient + ofLeases) && (tag === undefined || tag !== hashTag(ofClient + ofEntries))
  ) {
    throw new TypeError(
      "`leases.keyPrefix` must not be that of the entries, and may have braces only for the same hash tag, " +
        `and is ${describe(ofLeases)}`,
    );
  }

  const leaseKey = (key: string) => {
    const entry = ofClient + ofEntries + key;
    const tag = hashTag(entry);
    if (tag !== undefined) return `${ofLeases}${ofEntries}${key}:`;
    if (!entry.includes("}")) return `${ofLeases}{${entry}}`;
    const lease = `${ofLeases}${ofEntries}${key}:`;
    return lease + digitsBetween(ofClient + lease, entry);
  };
  return {
    entryKey: (key) => ofEntries + key,
    leaseKey,
    channelOf: (key) => ofClient + leaseKey(key),
  };
}

function hashTag(name: string): string | undefined {
  const open = name.indexOf("{");
  const close = name.indexOf("}", open + 1);
  return open >= 0 && close > open + 1 ? name.slice(open + 1, close) : undefined;
}

const SLOTS = 16_384;
const threeDigits = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, "0"));
let halves: { readonly heads: [string, number][]; readonly tails: Map<number, string> } | undefined;

/** The six digits that lead the one name, when they are appended, to the slot of the other. Some do for all names. */
function digitsBetween(name: string, other: string): string {
  // This CRC is linear: what digits add to it depends neither on what they follow nor on other digits.
  halves ??= {
    heads: threeDigits.map((digits) => [digits, crc16(`${digits}\0\0\0`)]),
    tails: new Map(threeDigits.map((digits) => [crc16(digits) % SLOTS, digits])),
  };
  const way = crc16(`${name}\0\0\0\0\0\0`) ^ crc16(other);
  for (const [head, crc] of halves.heads) {
    const tail = halves.tails.get((way ^ crc) % SLOTS);
    if (tail !== undefined) return head + tail;
  }
  throw new Error(`No digits lead to the slot of ${JSON.stringify(other)}`);
}

/** CRC-16/XMODEM of the text's UTF-8. */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc;
}

/** How long the connection for pub/sub and its subscriptions outlive the last watch, in milliseconds. */
const LINGER = 1000;

/** A channel that is subscribed to. */
interface Topic {
  readonly key: string;
  readonly subscribed: Promise<unknown>;
  watches: number;
}

/** Watches by pub/sub: one connection for all, one subscription for all watches of a key. */
function watchBy(
  client: RedisClient,
  subscriber: RedisSubscriber | undefined,
  channelOf: (key: string) => string,
): NonNullable<Store<unknown>["watch"]> {
  const watchers = makeWatchers();
  const topics = new Map<string, Topic>();
  let line: Line | undefined;
  let sweep: ReturnType<typeof setTimeout> | undefined;

  const lose = () => {
    topics.clear();
    watchers.failAll((key) =>
      new AdapterError("watch", key, undefined, {
        reason: "the connection for pub/sub was lost",
      })
    );
  };
  const hangUp = () => {
    clearTimeout(sweep);
    sweep = undefined;
    client.removeListener("end", end);
    line?.close([...topics.keys()]);
    line = undefined;
    topics.clear();
  };
  const end = () => {
    lose();
    hangUp();
  };
  const open = () => {
    client.on("end", end);
    return openLine(client, subscriber, {
      message(channel) {
        const topic = topics.get(channel);
        if (topic !== undefined) watchers.notify(topic.key);
      },
      back: (line) =>
        void Promise.all([...topics.keys()].map(line.subscribe)).then(watchers.notifyAll, lose),
      lost: lose,
      ended: end,
    });
  };

  const add = (key: string) => {
    const channel = channelOf(key);
    let topic = topics.get(channel);
    if (topic === undefined) {
      line ??= open();
      const added = topic = { key, subscribed: line.subscribe(channel), watches: 0 };
      topics.set(channel, topic);
      topic.subscribed.catch(() => topics.get(channel) === added && topics.delete(channel));
    }
    topic.watches++;
    return topic;
  };
  const clean = () => {
    sweep = undefined;
    const idle = [...topics].filter(([, { watches }]) => watches === 0).map(([channel]) => channel);
    if (idle.length === topics.size) return hangUp();
    for (const channel of idle) topics.delete(channel);
    line?.unsubscribe(idle);
  };
  const remove = (topic: Topic) => {
    topic.watches--;
    if (topic.watches === 0 && line !== undefined) sweep ??= setTimeout(clean, LINGER);
  };

  return (key) =>
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.sync(() => add(key)),
        (topic) => Effect.sync(() => remove(topic)),
      ),
      (topic) =>
        Effect.flatMap(attempt("watch", key, () => topic.subscribed), () => watchers.watch(key)),
    );
}

/** The connection for pub/sub. */
interface Line {
  readonly subscribe: (channel: string) => Promise<unknown>;
  readonly unsubscribe: (channels: readonly string[]) => void;
  readonly close: (channels: readonly string[]) => void;
}

interface LineEvents {
  readonly message: (channel: string) => void;
  /** It is connected again: something may have been missed, and there are no subscriptions. */
  readonly back: (line: Line) => void;
  /** It couldn't be connected again. */
  readonly lost: () => void;
  /** It will not come back. */
  readonly ended: () => void;
}

function openLine(
  client: RedisClient,
  subscriber: RedisSubscriber | undefined,
  { message, back, lost, ended }: LineEvents,
): Line {
  const connection = subscriber ?? duplicate(client);
  let sharded = connection.isCluster === true;
  let state: "new" | "up" | "down" = subscriber === undefined ? "new" : "up";
  let gate = makeGate();
  if (state === "up") gate.open();
  const listeners = {
    message,
    smessage: message,
    ready() {
      gate.open();
      if (state !== "new") back(line);
      state = "up";
    },
    // One node's subscriptions have moved to a new connection.
    subscribersReady: () => state === "up" && back(line),
    close() {
      if (state !== "up") lost();
      state = "down";
      gate.shut();
      gate = makeGate();
    },
    end: ended,
  };
  const entries = Object.entries(listeners);
  for (const [event, listener] of entries) connection.on(event, listener);
  // Without a listener ioredis prints its errors; `close` says as much.
  if (subscriber === undefined) connection.on("error", ignore);

  // ioredis puts its `keyPrefix` before the names of sharded channels, but not before those of others.
  const prefix = connection.options?.keyPrefix?.length ?? 0;
  const line: Line = {
    async subscribe(channel) {
      await gate.opened;
      if (sharded) {
        try {
          return await connection.ssubscribe(channel.slice(prefix));
        } catch (error) {
          if (!(error instanceof Error && /unknown command/i.test(error.message))) throw error;
          sharded = false;
        }
      }
      return await connection.subscribe(channel);
    },
    unsubscribe(channels) {
      if (channels.length === 0) return;
      if (!sharded) connection.unsubscribe(...channels).catch(ignore);
      else for (const name of channels) connection.sunsubscribe(name.slice(prefix)).catch(ignore);
    },
    close(channels) {
      for (const [event, listener] of entries) connection.removeListener(event, listener);
      gate.shut();
      if (subscriber === undefined) connection.disconnect();
      else line.unsubscribe(channels);
    },
  };
  return line;
}

/** Holds subscriptions back until a connection is up: ioredis 5 would send them amid its handshake, and break that. */
interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
  readonly shut: () => void;
}

function makeGate(): Gate {
  let [open, shut] = [ignore, ignore];
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    shut = () => reject(new Error("the connection for pub/sub was lost"));
  });
  opened.catch(ignore);
  return { opened, open, shut };
}

function ignore(): void {}

/** A connection that fails at once what it can't send, and leaves subscriptions and prefixes to the adapter. */
function duplicate(client: RedisClient): RedisSubscriber {
  const options = { keyPrefix: "", lazyConnect: false, enableOfflineQueue: true };
  if (!client.isCluster) {
    const own = { ...options, autoResubscribe: false, maxRetriesPerRequest: 0 };
    return client.duplicate(own as never);
  }
  const redisOptions = { ...client.options?.redisOptions, keyPrefix: "" };
  return client.duplicate(
    [] as never,
    { ...options, shardedSubscribers: true, redisOptions } as never,
  );
}

/** Adds the scripts to the client's commands; `Buffer` at the end of a command's name has it answer with bytes. */
function defineScripts(client: RedisClient, numberOfKeys: number) {
  const name = (operation: string) => `cacheLocking1_${operation}_${numberOfKeys}`;
  for (const [operation, lua] of Object.entries(scriptsWith(client.isCluster ? swake : wake))) {
    client.defineCommand(name(operation), { lua, numberOfKeys });
  }
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<Reply>>;
  return (operation: keyof ReturnType<typeof scriptsWith>, ...args: unknown[]) =>
    commands[`${name(operation)}Buffer`]!(...args);
}

// A push that can't be sent, where the user may use no channels, must not undo what has been written.
const wake = `redis.pcall('PUBLISH', KEYS[1], '')`;
const swake = `if type(redis.pcall('SPUBLISH', KEYS[1], '')) == 'table' then ${wake} end`;

/**
 * KEYS: the lease, the entry. The fields of a lease: its owner, and the owner of the last one that ended failed or
 * uncached, with how.
 */
const scriptsWith = (wake: string) => ({
  // ARGV: owner, ttl, the lease that was waited for, an entry to ignore.
  acquire: `
local entry = KEYS[2] and redis.pcall('GET', KEYS[2])
if type(entry) == 'string' and entry ~= ARGV[4] then return entry end
local owner, last, how = unpack(redis.call('HMGET', KEYS[1], 'owner', 'last', 'how'))
if last ~= ARGV[3] then how = false end
if how == 'uncached' and owner ~= ARGV[1] then return {} end
if not owner then
  owner = ARGV[1]
  redis.call('HSET', KEYS[1], 'owner', owner)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {owner, redis.call('PTTL', KEYS[1]), how == 'failed' and how}`,

  // ARGV: owner, ttl.
  renew: `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,

  // ARGV: owner, value, ttl.
  fill: `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], unpack(ARGV[3] and {'PX', ARGV[3]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

  // ARGV: owner, outcome.
  release: `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] ~= 'cancelled' then redis.call('HSET', KEYS[1], 'last', ARGV[1], 'how', ARGV[2]) end
redis.call('HDEL', KEYS[1], 'owner')
${wake}
return 1`,

  // ARGV: value, ttl.
  set: `
redis.call('SET', KEYS[2], ARGV[1], unpack(ARGV[2] and {'PX', ARGV[2]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

  delete: `
redis.call('DEL', KEYS[2], KEYS[1])
${wake}
return 1`,
});
