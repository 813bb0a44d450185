import { checkOption, hasMethods } from "../kit/options.ts";
import { type PushConnection, type PushDriver, type PushEvents, sharedPush } from "../kit/push.ts";
import type { RedisArgument, RedisCommands, RedisReply } from "./client.ts";
import { type RedisScripts, scriptsFor } from "./scripts.ts";

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

/** The commands of an ioredis client. Throws a `TypeError` for what is none. */
export function ioredisCommands(
  client: RedisClient,
  subscriber: RedisSubscriber | undefined,
): RedisCommands {
  const isClient = hasMethods(client, "defineCommand", "getBuffer");
  checkOption("client", isClient, "an ioredis client", client);
  if (subscriber !== undefined) checkSubscriber(subscriber);
  return {
    keyPrefix: String(client.options?.keyPrefix ?? ""),
    get: (key) => client.getBuffer(key),
    run: (script, keys, args) =>
      scriptOf(client, script, keys.length)(...keys, ...args.map(toSend)),
    push: sharedPush(subscriber ?? client, "pub/sub", () => driverOf(client, subscriber)),
  };
}

function checkSubscriber(subscriber: RedisSubscriber): void {
  if (subscriber?.isCluster && !subscriber.options?.shardedSubscribers) {
    throw new TypeError("`subscriber` must have been made with `shardedSubscribers: true`");
  }
  const isConnection = hasMethods(subscriber, "on", "removeListener", "subscribe", "unsubscribe");
  checkOption("subscriber", isConnection, "an ioredis connection", subscriber);
}

/** ioredis sends only a `Buffer` as bytes. */
function toSend(argument: RedisArgument): RedisArgument {
  if (typeof argument !== "object") return argument;
  const { Buffer } = globalThis as unknown as { Buffer: BufferConstructor };
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}

interface BufferConstructor {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

type Run = (...args: RedisArgument[]) => Promise<RedisReply>;

/** The clients that have the scripts among their commands, with the numbers of keys that these take. */
const defined = new WeakMap<RedisClient, Set<number>>();

/** The command that a script is; `Buffer` at the end of its name has it answer with bytes. */
function scriptOf(client: RedisClient, script: keyof RedisScripts, numberOfKeys: number): Run {
  const name = (script: string) => `cacheLocking1_${script}_${numberOfKeys}`;
  const known = defined.get(client) ?? new Set();
  if (!known.has(numberOfKeys)) {
    defined.set(client, known.add(numberOfKeys));
    const scripts = scriptsFor({ cluster: client.isCluster === true });
    for (const [script, lua] of Object.entries(scripts)) {
      client.defineCommand(name(script), { lua, numberOfKeys });
    }
  }
  const command = `${name(script)}Buffer`;
  const run = (client as unknown as Readonly<Record<string, Run | undefined>>)[command];
  if (run === undefined) {
    throw new TypeError(
      `the client has no \`${command}\` after \`defineCommand\`: use ioredis 5 or 6`,
    );
  }
  return run.bind(client);
}

/** Pushes by pub/sub, over the subscriber or a duplicate of the client, which is closed with the client. */
function driverOf(client: RedisClient, subscriber: RedisSubscriber | undefined): PushDriver {
  return {
    open(events) {
      if (subscriber !== undefined) {
        const { stop, ...connection } = listen(subscriber, events, "up");
        const close = (channels: readonly string[]) => {
          stop();
          connection.unsubscribe(channels);
        };
        return Promise.resolve({ ...connection, close });
      }
      const own = duplicate(client);
      const { stop, ...connection } = listen(own, events, "new");
      const ended = () => events.ended(new Error(LOST));
      client.on("end", ended);
      // Without a listener ioredis prints its errors; `close` says as much.
      own.on("error", ignore);
      const close = () => {
        stop();
        client.removeListener("end", ended);
        own.disconnect();
      };
      return Promise.resolve({ ...connection, close });
    },
  };
}

const LOST = "the connection for pub/sub was lost";

/** Listens to a connection, which may not be up yet, until it is told to stop. */
function listen(
  connection: RedisSubscriber,
  { message, back, lost, ended }: PushEvents,
  state: "new" | "up" | "down",
): Omit<PushConnection, "close"> & { readonly stop: () => void } {
  let sharded = connection.isCluster === true;
  let gate = makeGate();
  if (state === "up") gate.open();
  const listeners = {
    message,
    smessage: message,
    ready() {
      gate.open();
      if (state !== "new") back();
      state = "up";
    },
    // One node's subscriptions have moved to a new connection.
    subscribersReady: () => state === "up" && back(),
    close() {
      if (state !== "up") lost(new Error(LOST));
      state = "down";
      gate.shut();
      gate = makeGate();
    },
    end: () => ended(new Error(LOST)),
  };
  const entries = Object.entries(listeners);
  for (const [event, listener] of entries) connection.on(event, listener);

  // ioredis puts its `keyPrefix` before the names of sharded channels, but not before those of others.
  const prefix = connection.options?.keyPrefix?.length ?? 0;
  return {
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
    stop() {
      for (const [event, listener] of entries) connection.removeListener(event, listener);
      gate.shut();
    },
  };
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
    shut = () => reject(new Error(LOST));
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
