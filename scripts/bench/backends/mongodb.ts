import { MongoClient } from "mongodb";
import { connect } from "../../../tests/adapters/mongodb/connection.ts";
import type { BackendBench } from "../backend.ts";

/** MongoDB, a replica set of one. */
export const bench: BackendBench = {
  name: "mongodb",
  connect,
  async bare({ url }) {
    const client = await new MongoClient(url).connect();
    const collection = client.db("test").collection<{ _id: string }>("cache");
    return { read: (key) => collection.findOne({ _id: key }), close: () => client.close() };
  },
};
