import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a Redis server, or of a cluster: `cluster: true`, with the options of ioredis. */
export async function connect({ url, codec, cluster, ...options }: Place): Promise<Connection> {
  const { Cluster, Redis } = await import("ioredis");
  const client = cluster ? new Cluster([url], options) : new Redis(url, options);
  client.on("error", () => {});
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}
