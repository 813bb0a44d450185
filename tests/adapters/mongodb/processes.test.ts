import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { endings } from "../../support/endings.ts";
import { countMongodb, deployments, newestDriver, openMongodb } from "./clients.ts";
import { rounds } from "../../support/rounds.ts";
import { skews } from "../../support/skews.ts";

for (const { name, url, variable, pushless } of deployments) {
  const skip = url === undefined ? withoutServer(variable) : false;
  const database = `rounds_${randomToken()}`;
  const place = { url: url!, database };

  rounds(name, {
    skip,
    connection: "mongodb/connection",
    place,
    open: () => connect(place),
    // Four processes with a look, an acquire and a fill or two acquires more; those who poll look on.
    most: pushless === undefined ? 18 : 40,
    async count() {
      const client = await openMongodb(await newestDriver(), url!);
      const counter = await countMongodb(client.db(database).collection("cache"), client);
      const stop = async () => {
        await counter.stop();
        await client.close();
      };
      return { ...counter, stop };
    },
  });

  // Who has no push polls by the same statements.
  if (pushless !== undefined) continue;
  endings(name, { skip, connection: "mongodb/connection", place });
  skews(name, { skip, connection: "mongodb/connection", place });
}
