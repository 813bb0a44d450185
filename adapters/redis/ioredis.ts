import { checkMethods, hasMethods } from "../kit/options.ts";
import type { PushConnection, PushEvents } from "../kit/push.ts";
import type { LineEvents, RedisArgument, RedisLibrary } from "./backend.ts";
import { isOfMany, mayBeProxy, type RedisScript, scriptsFor } from "./scripts.ts";
import { INVALIDATED, passInvalidated, track } from "./tracking.ts";
import type { IoredisClient, IoredisSubscriber, RedisClient, RedisSubscriber } from "./options.ts";

/** By which a client of ioredis is known, or of iovalkey, which has the same. */
export const ioredisMethods: readonly string[] = ["defineCommand", "getBuffer", "pttl"];

/** Whether a client is one of ioredis or iovalkey. */
export function isIoredis(client: RedisClient): client is IoredisClient {
  return hasMethods(client, ...ioredisMethods);
}

const subscriberMethods = ["on", "removeListener", "subscribe", "unsubscribe", "disconnect"];

/** What the adapter asks of ioredis and iovalkey. Throws a `TypeError` for what can't be used. */
export function ioredisClient(
  client: IoredisClient,
  given: RedisSubscriber | undefined,
): RedisLibrary {
  const subscriber = given as IoredisSubscriber | undefined;
  if (subscriber?.isCluster && !subscriber.options?.shardedSubscribers) {
    throw new TypeError("`subscriber` must be made with `shardedSubscribers: true`");
  }
  if (subscriber !== undefined) {
    checkMethods("subscriber", subscriberMethods, "an ioredis connection", subscriber);
  }
  define(client);
  return {
    keyPrefix: String(client.options?.keyPrefix ?? ""),
    unordered: client.isCluster === true,
    many: client.isCluster !== true && !mayBeProxy(client.options),
    isCluster: client.isCluster === true,
    get(key) {
      gather(client);
      return client.getBuffer(key);
    },
    getMany(keys) {
      gather(client);
      return client.mgetBuffer(...keys);
    },
    getAged(key) {
      gather(client);
      // The value behind its life: one that is written between the two is newer than it is said to be.
      return Promise.all([client.pttl(key), client.getBuffer(key)]);
    },
    run(script, keys, args) {
      gather(client);
      const many = isOfMany(script) ? [keys.length] : [];
      return scriptOf(client, script)(...many, ...keys, ...args.map(toSend));
    },
    openPush: (events) => openOn(client, subscriber, events),
    openLine: (events, tracked) => openLine(client, subscriber, events, tracked),
  };
}

/**
 * Has a connection write all commands of this turn at once: ioredis makes a system call for each, which is more than half
 * of what a hit costs. Its socket is a field of its own, `stream`, which a client of a cluster lacks.
 */
function gather(client: RedisClient): void {
  const { stream } = client as { readonly stream?: Partial<Socket> | undefined };
  if (stream?.writableCorked !== 0 || stream.cork === undefined) return;
  stream.cork();
  // `queueMicrotask` takes several times as long in Node.
  endOfTurn.then(() => stream.uncork!());
}

const endOfTurn = Promise.resolve();

/** What is used of a socket of Node's. */
interface Socket {
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/** ioredis sends only a `Buffer` as bytes. */
function toSend(argument: RedisArgument): RedisArgument {
  if (typeof argument !== "object") return argument;
  const { Buffer } = globalThis as unknown as {
    Buffer: { from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array };
  };
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}

type Run = (...args: RedisArgument[]) => Promise<unknown>;

/** The clients that have the scripts among their commands. */
const defined = new WeakSet<IoredisClient>();

/** Adds the scripts to a client's commands, once. Throws a `TypeError` for a client that doesn't have them then. */
function define(client: IoredisClient): void {
  if (defined.has(client)) return;
  const scripts = scriptsFor({ cluster: client.isCluster === true });
  for (const [script, lua] of Object.entries(scripts)) {
    const numberOfKeys = lua.includes("KEYS[2]") ? 2 : 1;
    const definition = isOfMany(script as RedisScript) ? {} : { numberOfKeys };
    client.defineCommand(`cacheLocking1_${script}`, { lua, ...definition });
    const command = commandOf(script as RedisScript);
    if (hasMethods(client, command)) continue;
    throw new TypeError(
      `\`client\` must be an ioredis client, 5 or 6: it has no \`${command}\` after \`defineCommand\``,
    );
  }
  defined.add(client);
}

/** The command that a script is; `Buffer` at the end of its name has it answer with bytes. */
function commandOf(script: RedisScript): string {
  return `cacheLocking1_${script}Buffer`;
}

function scriptOf(client: IoredisClient, script: RedisScript): Run {
  return (client as unknown as Readonly<Record<string, Run>>)[commandOf(script)]!.bind(client);
}

/** The clients of a cluster that listen to one node alone: those of iovalkey, and of ioredis before 5.9. */
const unsharded = new WeakSet<IoredisClient>();

/** Whether a client is closed for good: a duplicate would connect. That of a cluster says `close` once more after `end`. */
function isClosed({ status }: IoredisClient): boolean {
  return status === "end" || status === "close";
}

/** Opens pub/sub on the subscriber, or on a duplicate of the client, which is closed with the client. */
function openOn(
  client: IoredisClient,
  subscriber: IoredisSubscriber | undefined,
  { message, back, lost, ended }: PushEvents,
): PushConnection | undefined {
  if (unsharded.has(client) || isClosed(client)) return undefined;
  const connection = subscriber ?? duplicate(client);
  if (connection.isCluster && !("shardedSubscribers" in connection)) {
    unsharded.add(client);
    if (subscriber === undefined) {
      connection.on("error", ignore);
      connection.disconnect();
    }
    return undefined;
  }
  let sharded = connection.isCluster === true;
  let state: "new" | "up" | "down" = subscriber === undefined ? "new" : "up";
  // ioredis 5 would send subscriptions amid its handshake, and break that: they wait until the connection is up.
  let waiting: ((error?: Error) => void)[] = [];
  const settle = (error?: Error) => {
    for (const tell of waiting) tell(error);
    waiting = [];
  };
  const end = () => ended(lostConnection());
  const listeners = Object.entries({
    message,
    smessage: message,
    ready() {
      if (state !== "new") back();
      state = "up";
      settle();
    },
    // One node's subscriptions have moved to a new connection.
    subscribersReady: () => state === "up" && back(),
    close() {
      if (state !== "up") lost(lostConnection());
      state = "down";
      settle(lostConnection());
    },
    end,
  });
  for (const [event, listener] of listeners) connection.on(event, listener);
  if (subscriber === undefined) {
    client.on("end", end);
    // Without a listener ioredis prints its errors; `close` says as much.
    connection.on("error", ignore);
  }

  // ioredis puts its `keyPrefix` before the names of sharded channels, but not before those of others.
  const prefix = connection.options?.keyPrefix?.length ?? 0;
  const unsubscribe = (channels: readonly string[]) => {
    if (channels.length === 0) return;
    if (!sharded) connection.unsubscribe(...channels).catch(ignore);
    else for (const name of channels) connection.sunsubscribe(name.slice(prefix)).catch(ignore);
  };
  return {
    unsubscribe,
    async subscribe(channel) {
      if (state !== "up") {
        await new Promise<void>((resolve, reject) =>
          waiting.push((error) => error === undefined ? resolve() : reject(error))
        );
      }
      if (sharded) {
        try {
          return await connection.ssubscribe(channel.slice(prefix));
        } catch (error) {
          const { message } = error as Error;
          // ioredis 5 and 6 may lose those for good by a reset amid their start, and still say that all is up.
          if (message.startsWith("No sharded subscriber")) end();
          if (!/unknown command/i.test(message)) throw error;
          sharded = false;
        }
      }
      return await connection.subscribe(channel);
    },
    close(channels) {
      for (const [event, listener] of listeners) connection.removeListener(event, listener);
      settle(lostConnection());
      if (subscriber !== undefined) return unsubscribe(channels);
      client.removeListener("end", end);
      connection.disconnect();
    },
  };
}

/** Opens one more connection, to a server of the client's, which is closed with the client, and for good once it is lost. */
function openLine(
  client: IoredisClient,
  subscriber: IoredisSubscriber | undefined,
  { message, ended }: LineEvents,
  tracked: string | undefined,
): PushConnection | undefined {
  if (isClosed(client)) return undefined;
  const from = serverOf((subscriber ?? client) as IoredisClient);
  const own = { keyPrefix: "", lazyConnect: false, enableOfflineQueue: true, protocol: 2 };
  const once = { autoResubscribe: false, maxRetriesPerRequest: 0, retryStrategy: null };
  const connection = from.duplicate({ ...own, ...once } as never);
  const ready = new Promise<void>((resolve, reject) => {
    connection.on("ready", () => resolve());
    connection.on("close", () => reject(lostConnection()));
  });
  const { call } = connection as unknown as { call(...command: string[]): Promise<unknown> };
  const begun = tracked === undefined
    ? ready
    : ready.then(() => track((...command) => call.apply(connection, command), tracked));
  begun.catch(ignore);
  const end = () => ended(lostConnection());
  const listeners = {
    message: (channel: string, text: string) => channel === INVALIDATED || message(channel, text),
    // The names of keys may have commas, by which the text of the other event joins them.
    messageBuffer(channel: unknown, keys: unknown) {
      if (String(channel) === INVALIDATED) passInvalidated(keys, message);
    },
    close: end,
    error: ignore,
  };
  for (const [event, listener] of Object.entries(listeners)) connection.on(event, listener);
  client.on("end", end);
  return {
    async subscribe(channel) {
      await begun;
      return await connection.subscribe(channel);
    },
    unsubscribe: (channels) => void connection.unsubscribe(...channels).catch(ignore),
    close() {
      client.removeListener("end", end);
      connection.removeListener("close", end);
      connection.disconnect();
    },
  };
}

/** The client of one server, of a cluster any of its nodes. */
function serverOf(client: IoredisClient): IoredisClient {
  if (!client.isCluster) return client;
  const nodes = (client as IoredisClient & { nodes(): readonly IoredisClient[] }).nodes();
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  if (node === undefined) throw new Error("the client knows no node of the cluster");
  return node;
}

const lostConnection = () => new Error("the connection for pub/sub was lost");

function ignore(): void {}

/** A connection that fails at once what it can't send, and leaves subscriptions and prefixes to the adapter. */
function duplicate(client: IoredisClient): IoredisSubscriber {
  const options = { keyPrefix: "", lazyConnect: false, enableOfflineQueue: true };
  if (!client.isCluster) {
    const own = { ...options, autoResubscribe: false, maxRetriesPerRequest: 0 };
    return client.duplicate(own as never);
  }
  const redisOptions = { ...client.options?.redisOptions, keyPrefix: "" };
  const own = { ...options, shardedSubscribers: true, redisOptions };
  return client.duplicate([] as never, own as never);
}
