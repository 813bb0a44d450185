import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { deployments, newestDriver, openMongodb } from "./clients.ts";

for (const { name, url, variable } of deployments) {
  fuzz(name, {
    skip: url === undefined && withoutServer(variable),
    open: (codec) => connect({ url: url!, database: "fuzz", codec }),
    async hand(): Promise<OpenHand> {
      const client = await openMongodb(await newestDriver(), url!);
      const collection = client.db("fuzz").collection<{ _id: string }>("cache");
      const write = (key: string, value: unknown, more: object = {}) =>
        collection.insertOne({ _id: key, value, ...more } as { _id: string });
      return {
        write: (key, bytes) => write(key, bytes),
        others: {
          text: (key) => write(key, "{"),
          number: (key) => write(key, 5),
          object: (key) => write(key, { $type: "string" }),
          "text by a dollar": (key) => write(key, "$owner"),
        },
        close: () => client.close(),
      };
    },
  });
}
