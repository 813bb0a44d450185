import { memcachedAdapter } from "../../../adapters/memcached.ts";
import { openMemcached } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a memcached. */
export async function connect({ url, codec }: Place): Promise<Connection> {
  const client = await openMemcached(url);
  return {
    store: memcachedAdapter({ client, codec }),
    ready: () => client.get("ready"),
    close: () => client.close(),
  };
}
