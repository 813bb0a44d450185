import { createRequire } from "node:module";
import { redisAdapter } from "../../../adapters/redis.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of ioredis, or of a package that is used like it, with its options; of a cluster with `cluster`. */
export async function connect({ url, client: path, ...more }: ClientPlace): Promise<Connection> {
  const { cluster = false, codec: _, ...options } = more;
  const module = createRequire(import.meta.url)(path) as Clients;
  const Redis = module.Redis ?? module.default ?? module;
  const isNodeRedis = module.Redis === undefined && module.default === undefined;
  const client = isNodeRedis
    ? module.createClient!({ url })
    : cluster
    ? new module.Cluster!([url], options)
    : new (Redis as NonNullable<Clients["Redis"]>)(url, options);
  client.on("error", () => {});
  if (isNodeRedis) await client.connect!();
  return {
    store: redisAdapter({ client: client as never }),
    ready: () => client.ping(),
    close: () => client.disconnect(),
  };
}

/** What such a package exports. */
interface Clients {
  readonly Redis?: new (url: string, options: object) => Client;
  readonly Cluster?: new (urls: readonly string[], options: object) => Client;
  readonly default?: Clients["Redis"];
  /** node-redis'. */
  readonly createClient?: (options: { readonly url: string }) => Client;
}

interface Client {
  connect?(): Promise<unknown>;
  on(event: "error", listener: () => void): unknown;
  ping(): Promise<unknown>;
  disconnect(): unknown;
}
