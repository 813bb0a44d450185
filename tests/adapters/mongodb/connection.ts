import { mongodbAdapter } from "../../../adapters/mongodb.ts";
import { newestDriver } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a MongoDB deployment, with the driver's options. Change streams are opened at `pushUrl` if there is one. */
export async function connect(
  { url, codec, database = "test", pushUrl, ...options }: Place,
): Promise<Connection> {
  const { MongoClient } = await newestDriver();
  const open = (url: string) => {
    const client = new MongoClient(url, options);
    return { client, collection: client.db(database as string).collection("cache") };
  };
  const { client, collection } = open(url);
  const push = typeof pushUrl === "string" ? open(pushUrl) : undefined;
  if (push !== undefined) {
    collection.watch = push.collection.watch.bind(push.collection) as typeof collection.watch;
  }
  return {
    store: mongodbAdapter({ collection, codec }),
    // It may be tried again, until one connects: a client whose first command connects, and fails, fails for good.
    async ready() {
      for (const each of [client, push?.client]) await each?.connect();
      await client.db("admin").command({ ping: 1 });
    },
    close: () => Promise.all([client.close(), push?.client.close()]),
  };
}
