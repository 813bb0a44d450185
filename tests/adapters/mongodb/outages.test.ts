import { startMongodb } from "../../servers/mongodb.ts";
import { outages } from "../../support/outages.ts";
import { connect } from "./connection.ts";

for (const replicaSet of [false, true]) {
  // Without one of theirs, clients look for a server for half a minute.
  const options = replicaSet ? { serverSelectionTimeoutMS: 500 } : {};
  outages(`mongodb, ${replicaSet ? "replica set" : "standalone"},`, {
    program: "MONGODB_SERVER",
    start: (program, { port }) => startMongodb(program, { port, replicaSet }),
    // The members of a replica set know one another by addresses that lead past the network.
    open: (port) =>
      connect({ url: `mongodb://127.0.0.1:${port}/?directConnection=true`, ...options }),
  });
}
