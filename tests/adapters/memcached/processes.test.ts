import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { countMemcached, memcachedUrl } from "./clients.ts";
import { rounds } from "../../support/rounds.ts";
import { skews } from "../../support/skews.ts";

const skip = memcachedUrl === undefined ? withoutServer("MEMCACHED_URL") : false;
const place = { url: memcachedUrl! };

rounds("Memcached", {
  skip,
  connection: "memcached/connection",
  place,
  open: () => connect(place),
  count: () => countMemcached(memcachedUrl!),
  shortest: 1000,
  most: 30,
});

skews("Memcached", { skip, connection: "memcached/connection", place, longer: 1000 });
