import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "../../support/connection.ts";
import { type Library, openClient } from "./clients.ts";

/**
 * Opens a client of a Redis server, or of a cluster: `cluster: true`, with the options of ioredis, or of the `library` that
 * is named.
 */
export async function connect(
  { url, codec, cluster, library, ...options }: Place,
): Promise<Connection> {
  if (library !== undefined) {
    const place = { url, cluster: cluster === true, ...options };
    const { client, ping, close } = await openClient(library as Library, place);
    return { store: redisAdapter({ client, codec }), ready: ping, close };
  }
  const { Cluster, Redis } = await import("ioredis");
  const client = cluster ? new Cluster([url], options) : new Redis(url, options);
  client.on("error", () => {});
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}
