import { memcachedAdapter } from "../../../adapters/memcached.ts";
import { openMemcached } from "../memcached_clients.ts";
import { skewClock } from "../skewed_clock.ts";
import type { Connection, Place } from "./connection.ts";

/** Opens a client of a memcached; `skew`: by how much this process's clock is to be wrong. */
export async function connect({ url, codec, skew }: Place): Promise<Connection> {
  if (typeof skew === "number") skewClock(skew);
  const client = await openMemcached(url);
  return {
    store: memcachedAdapter({ client, codec }),
    ready: () => client.get("ready"),
    close: () => client.close(),
  };
}
