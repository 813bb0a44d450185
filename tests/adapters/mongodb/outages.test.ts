import { variable, withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { startMongodb } from "../../servers/mongodb.ts";
import { outages } from "../../support/outages.ts";

const binary = variable("MONGODB_SERVER");
const toxiproxy = variable("TOXIPROXY_URL");
const skip = binary === undefined
  ? withoutServer("MONGODB_SERVER")
  : toxiproxy === undefined
  ? withoutServer("TOXIPROXY_URL")
  : false;

// Without a `serverSelectionTimeoutMS` of theirs, clients look for a server for half a minute.
for (const replicaSet of [false, true]) {
  // Without one of theirs, clients look for a server for half a minute.
  const options = replicaSet ? { serverSelectionTimeoutMS: 500 } : {};
  outages(`mongodb, ${replicaSet ? "replica set" : "standalone"},`, {
    skip,
    toxiproxy,
    start: (port) => startMongodb(binary!, { port, replicaSet }),
    // The members of a replica set know one another by addresses that lead past the network.
    open: (port) =>
      connect({ url: `mongodb://127.0.0.1:${port}/?directConnection=true`, ...options }),
  });
}
