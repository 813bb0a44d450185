import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a Redis Cluster, with the options of ioredis. */
export async function connect({ url, codec, ...options }: Place): Promise<Connection> {
  const { Cluster } = await import("ioredis");
  const client = new Cluster([url], options);
  client.on("error", () => {});
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}
