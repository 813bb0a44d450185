import { createRequire } from "node:module";
import { mongodbAdapter } from "../../../adapters/mongodb.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of a MongoDB deployment, with the driver's options. */
export function connect({ url, client: path, codec: _, ...options }: ClientPlace): Connection {
  const { MongoClient } = createRequire(import.meta.url)(path) as typeof import("mongodb");
  const client = new MongoClient(url, options);
  return {
    store: mongodbAdapter({ collection: client.db("test").collection("cache") }),
    ready: () => client.db("admin").command({ ping: 1 }),
    close: () => client.close(),
  };
}
