import { lacking } from "../kit/options.ts";
import { PushForbidden, sharedPush } from "../kit/push.ts";
import type { RedisCommands, RedisLibrary } from "./backend.ts";
import { ioredisClient, ioredisMethods, isIoredis } from "./ioredis.ts";
import { isNodeRedis, nodeRedisClient, nodeRedisMethods } from "./node_redis.ts";
import type { RedisClient, RedisSubscriber } from "./options.ts";

/** The commands of a client, of whichever library. Throws a `TypeError` for one that can't be used. */
export function redisCommands(
  client: RedisClient,
  subscriber: RedisSubscriber | undefined,
): RedisCommands {
  const { openPush, ...library } = libraryOf(client, subscriber);
  const { keyPrefix, run } = library;
  return {
    ...library,
    push: sharedPush(subscriber ?? client, "pub/sub", () => {
      let mayPublish: Promise<unknown> | undefined;
      return {
        async open(events) {
          const connection = await openPush(events);
          const subscribe = async (channel: string) => {
            try {
              await (mayPublish ??= run("push", [channel.slice(keyPrefix.length)], []));
              return await connection!.subscribe(channel);
            } catch (error) {
              mayPublish = undefined;
              throw forbidden(error);
            }
          };
          return connection && { ...connection, subscribe };
        },
      };
    }),
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
  if (!/^NOPERM|executing the script can't/.test(message)) return error;
  return new PushForbidden(`${message}; without this right followers poll`, { cause: error });
}
