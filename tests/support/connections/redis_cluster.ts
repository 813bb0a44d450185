import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "./connection.ts";

/** Opens a client of a Redis Cluster. */
export async function connect({ url, codec }: Place): Promise<Connection> {
  const { Cluster } = await import("ioredis");
  const client = new Cluster([url]);
  client.on("error", () => {});
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}
