import { variable, withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { outages } from "../../support/outages.ts";
import { startRedisServer } from "../../servers/redis.ts";

const binary = variable("REDIS_SERVER");
const toxiproxy = variable("TOXIPROXY_URL");
const skip = binary === undefined
  ? withoutServer("REDIS_SERVER")
  : toxiproxy === undefined
  ? withoutServer("TOXIPROXY_URL")
  : false;

for (const maxRetriesPerRequest of [20, null]) {
  outages(`redis, with maxRetriesPerRequest ${maxRetriesPerRequest},`, {
    skip,
    toxiproxy,
    start: (port) => startRedisServer(binary!, port === undefined ? {} : { port }),
    open: (port) => connect({ url: `redis://127.0.0.1:${port}`, maxRetriesPerRequest }),
  });
}
