import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection, Place } from "../../support/connection.ts";
import { type Library, openClient } from "./clients.ts";

/**
 * Opens a client of a Redis server, or of a cluster: `cluster: true`, with the options of ioredis, or of the `library` that
 * is named. With `push`, ioredis opens the connection for pub/sub there.
 */
export async function connect(
  { url, codec, cluster, library, push, ...options }: Place,
): Promise<Connection> {
  if (library !== undefined) {
    const place = { url, cluster: cluster === true, ...options };
    const { client, ping, close } = await openClient(library as Library, place);
    return { store: redisAdapter({ client, codec }), ready: ping, close };
  }
  const { Cluster, Redis } = await import("ioredis");
  const client = cluster ? new Cluster([url], options) : new Redis(url, options);
  client.on("error", () => {});
  if (push !== undefined) openPushAt(client, push as Place);
  return {
    store: redisAdapter({ client, codec }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}

/** Has the adapter's connection for pub/sub lead elsewhere than its client. */
function openPushAt(
  client: import("ioredis").Redis | import("ioredis").Cluster,
  { url, ...options }: Place,
): void {
  const duplicate = client.duplicate.bind(client) as (first: unknown, second?: object) => never;
  client.duplicate = client.isCluster
    ? (_: unknown, given: object) => duplicate([url], { ...given, ...options })
    : (given: object) => duplicate({ ...given, port: Number(new URL(url).port), ...options });
}
