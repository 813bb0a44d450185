import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a Redis server. */
export async function connect({ url, codec, ...options }: Place): Promise<Connection> {
  const { Redis } = await import("ioredis");
  const client = new Redis(url, options);
  client.on("error", () => {});
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}
