import { mongodbAdapter } from "../../../adapters/mongodb.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { deployments, newestDriver, openMongodb } from "./clients.ts";

for (const { name, url, variable } of deployments) {
  fuzz(name, {
    skip: url === undefined && withoutServer(variable),
    async damaged() {
      const driver = await newestDriver();
      const clients = await Promise.all([1, 2, 3].map(() => openMongodb(driver, url!)));
      const [one, two, admin] = clients.map((client) =>
        client.db("fuzz").collection<{ _id: string }>("damaged")
      );
      const { client, requests } = counted(
        one!,
        /^(findOne|findOneAndUpdate|updateOne|deleteOne)$/,
      );
      const { Binary, MaxKey, Timestamp } = driver.bson;
      return {
        stores: [mongodbAdapter({ collection: client }), mongodbAdapter({ collection: two! })],
        requests,
        damage(key, draw) {
          const value = () =>
            draw.of<unknown>(
              draw.text(),
              draw.below(9),
              null,
              [draw.text()],
              { $a: draw.text() },
              new Binary(draw.bytes(), draw.of(0, 1, 2, 5, 128)),
              new MaxKey(),
              new Timestamp({ t: draw.below(2 ** 31), i: 1 }),
              true,
            );
          const field = draw.of(
            ...["value", "owner", "last", "how", "staleFor", "took", "failures"],
            ...["expires", "ends", "until", "quietUntil"],
          );
          const set = ["expires", "ends", "until", "quietUntil"].includes(field)
            ? draw.of<unknown>(value(), new Date(draw.end()))
            : value();
          const change = draw.of<object>(
            { $unset: { [field]: "" } },
            { $set: { [field]: { $literal: set } } },
            { $set: { [field]: { $literal: set } } },
          );
          return admin!.updateOne({ _id: key }, [
            "$unset" in change ? { $unset: field } : change,
          ]);
        },
        close: () => Promise.all(clients.map((client) => client.close())),
      };
    },
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
