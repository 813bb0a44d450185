import { mongodbAdapter } from "../../../adapters/mongodb.ts";
import { newestDriver, openMongodb } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of a MongoDB deployment, with the driver's options. */
export async function connect(
  { url, codec, database = "test", ...options }: Place,
): Promise<Connection> {
  const client = await openMongodb(await newestDriver(), url, options);
  const collection = client.db(database as string).collection("cache");
  return {
    store: mongodbAdapter({ collection, codec }),
    ready: () => client.db("admin").command({ ping: 1 }),
    close: () => client.close(),
  };
}
