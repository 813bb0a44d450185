import { variable, withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { startMemcached } from "../../servers/memcached.ts";
import { outages } from "../../support/outages.ts";

const binary = variable("MEMCACHED_SERVER");
const toxiproxy = variable("TOXIPROXY_URL");
const skip = binary === undefined
  ? withoutServer("MEMCACHED_SERVER")
  : toxiproxy === undefined
  ? withoutServer("TOXIPROXY_URL")
  : false;

outages("memcached", {
  skip,
  toxiproxy,
  start: (port) => startMemcached(binary!, { port }),
  open: (port) => connect({ url: `127.0.0.1:${port}` }),
});
