import { checkMethods, hasMethods } from "../kit/options.ts";
import type { LineEvents, RedisArgument, RedisLibrary } from "./backend.ts";
import {
  canDuplicate,
  isCluster,
  isSingle,
  openLine,
  openPush,
  subscriberMethods,
} from "./node_redis_push.ts";
import {
  isOfMany,
  mayBeProxy,
  type ProxyOptions,
  type RedisScript,
  scriptsFor,
} from "./scripts.ts";
import type {
  NodeRedisClient,
  NodeRedisCommands,
  NodeRedisSubscriber,
  RedisClient,
  RedisSubscriber,
} from "./options.ts";

/** What only some of the clients have. */
interface Fields {
  readonly clientSideCache?: unknown;
  /** From 6 on; text or a `Buffer`. */
  readonly _keyPrefix?: unknown;
  /** What it is made with. */
  readonly options?: ProxyOptions | undefined;
}

/** By which a client of node-redis is known; 4 and earlier have no `withTypeMapping`. */
export const nodeRedisMethods: readonly string[] = [
  ...["withTypeMapping", "get", "eval", "evalSha", "on", "removeListener"],
];

/** Whether a client is one of node-redis, 5 or 6. */
export function isNodeRedis(client: RedisClient): client is NodeRedisClient {
  return hasMethods(client, ...nodeRedisMethods);
}

/** What the adapter asks of node-redis. Throws a `TypeError` for what can't be used. */
export function nodeRedisClient(
  client: NodeRedisClient,
  subscriber: RedisSubscriber | undefined,
): RedisLibrary {
  const { clientSideCache, _keyPrefix = "" } = client as NodeRedisClient & Fields;
  if (subscriber !== undefined) {
    checkMethods("subscriber", subscriberMethods, "a connected client of node-redis", subscriber);
  }
  if (clientSideCache !== undefined) {
    throw new TypeError(
      "`client` must have no `clientSideCache`, which returns entries after they have ended: make another client",
    );
  }
  const commands = client.withTypeMapping({ [BLOB_STRING]: bufferOf() } as never);
  const run = runnerOf(commands, isCluster(client));
  const from = (subscriber ?? client) as NodeRedisSubscriber;
  return {
    keyPrefix: String(_keyPrefix),
    unordered: !isSingle(client),
    many: !isCluster(client) && !mayBeProxy((client as Fields).options),
    isCluster: isCluster(client),
    get: (key) => commands.get(key) as Promise<Uint8Array | null>,
    getMany: (keys) => commands.mGet([...keys]) as Promise<(Uint8Array | null)[]>,
    // A pool may send two commands on two connections.
    getAged: (key) => run("get", [key], []) as Promise<[unknown, Uint8Array | null]>,
    run,
    openPush: (events) => openPush(client, subscriber as NodeRedisSubscriber | undefined, events),
    ...canDuplicate(from) &&
      {
        openLine: (events: LineEvents, tracked?: string) => openLine(client, from, events, tracked),
      },
  };
}

/** The type of a reply that is text; it comes as a `Buffer` where it is mapped to that. */
const BLOB_STRING = 36;

/** The only bytes that node-redis sends and returns. */
function bufferOf() {
  return (globalThis as unknown as {
    readonly Buffer: { from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array };
  }).Buffer;
}

function toSend(argument: RedisArgument): string | Uint8Array {
  if (typeof argument !== "object") return String(argument);
  return bufferOf().from(argument.buffer, argument.byteOffset, argument.byteLength);
}

/** Runs scripts: in full the first time, so that what is sent next doesn't overtake it, and then by their SHA-1. */
function runnerOf(commands: NodeRedisCommands, cluster: boolean): RedisLibrary["run"] {
  const scripts = scriptsFor({ cluster });
  const sums = new Map<RedisScript, string>();
  const known = new Set<RedisScript>();
  return async (script, keys, args) => {
    const lua = scripts[script];
    const options = {
      keys: isOfMany(script) ? [...keys] : keys.slice(0, lua.includes("KEYS[2]") ? 2 : 1),
      arguments: args.map(toSend) as string[],
    };
    const sum = sums.get(script);
    if (sum === undefined) {
      if (!known.has(script)) {
        known.add(script);
        sha1(lua).then((sum) => sum && sums.set(script, sum), ignore);
      }
      return await commands.eval(lua, options);
    }
    try {
      return await commands.evalSha(sum, options);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await commands.eval(lua, options);
    }
  };
}

/** Undefined where there is no Web Crypto, as in Node 18: there scripts are sent in full. */
async function sha1(text: string): Promise<string | undefined> {
  const digest = await globalThis.crypto?.subtle?.digest("SHA-1", new TextEncoder().encode(text));
  return digest &&
    Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function ignore(): void {}
