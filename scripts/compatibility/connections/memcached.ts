import { createRequire } from "node:module";
import { memcachedAdapter } from "../../../adapters/memcached.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of memcached, with the options of memjs. */
export function connect({ url, client: path, codec: _, ...options }: ClientPlace): Connection {
  const { Client } = createRequire(import.meta.url)(path) as typeof import("memjs-types");
  const client = Client.create(url, { logger: { log() {} }, ...options });
  return {
    store: memcachedAdapter({ client }),
    ready: () => Promise.resolve(),
    close: () => client.close(),
  };
}
