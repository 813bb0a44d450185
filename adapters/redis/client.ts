import { lacking } from "../kit/options.ts";
import { PushForbidden, sharedPush } from "../kit/push.ts";
import type { RedisCommands, RedisLibrary } from "./backend.ts";
import { ioredisClient, ioredisMethods, isIoredis } from "./ioredis.ts";
import { INVALIDATED } from "./tracking.ts";
import { isNodeRedis, nodeRedisClient, nodeRedisMethods } from "./node_redis.ts";
import type { RedisClient, RedisSubscriber } from "./options.ts";

/** The commands of a client, of whichever library. Throws a `TypeError` for one that can't be used. */
export function redisCommands(
  client: RedisClient,
  subscriber: RedisSubscriber | undefined,
): RedisCommands {
  const { openPush, openLine, ...library } = libraryOf(client, subscriber);
  const { keyPrefix, run } = library;
  const pushOf = (
    name: string,
    open: RedisLibrary["openPush"],
    publish: (channel: string) => Promise<unknown>,
  ) =>
    sharedPush(subscriber ?? client, name, () => {
      let mayPublish = false;
      return {
        async open(events) {
          const connection = await open(events);
          let asked: Promise<unknown> | undefined;
          const subscribe = async (channel: string) => {
            try {
              if (!mayPublish) {
                if (channel !== INVALIDATED) asked ??= publish(channel.slice(keyPrefix.length));
                // Channels are subscribed to in their order.
                await asked;
                mayPublish = asked !== undefined;
              }
              return await connection!.subscribe(channel);
            } catch (error) {
              mayPublish = false;
              asked = undefined;
              throw forbidden(error);
            }
          };
          return connection && { ...connection, subscribe };
        },
      };
    });
  const maySay = (channel: string) => run("say", [channel], [""]);
  return {
    ...library,
    push: pushOf("pub/sub", openPush, (channel) => run("push", [channel], [])),
    line: openLine && pushOf("line", openLine, maySay),
    trackedLine: (prefix) =>
      openLine && !library.isCluster
        ? pushOf(`tracking ${prefix}`, (events) => openLine(events, prefix), maySay)
        : undefined,
  };
}

function libraryOf(client: RedisClient, subscriber: RedisSubscriber | undefined): RedisLibrary {
  if (isIoredis(client)) return ioredisClient(client, subscriber);
  if (isNodeRedis(client)) return nodeRedisClient(client, subscriber);
  throw unusable(client);
}

/** Says what a client must be that is of none of the libraries, and what it lacks of each. */
function unusable(client: unknown): TypeError {
  const must = "an ioredis client, or one of iovalkey or of node-redis, 5 or 6";
  const is = lacking(client, ioredisMethods, nodeRedisMethods);
  return new TypeError(`\`client\` must be ${must}, and is ${is}`);
}

/** Says what the refusal of a user without a right to push means. */
function forbidden(error: unknown): unknown {
  const message = error instanceof Error ? error.message.trim() : "";
  if (!/^NOPERM|executing the script can't|^ERR unknown .*(CLIENT|TRACKING)/i.test(message)) {
    return error;
  }
  return new PushForbidden(`${message}; without this right followers poll`, { cause: error });
}
