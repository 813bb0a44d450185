import { withoutServer } from "./support/address.ts";
import { connect } from "./support/connections/memcached.ts";
import { countMemcached, memcachedUrl } from "./support/memcached_clients.ts";
import { rounds } from "./support/rounds.ts";
import { skews } from "./support/skews.ts";

const skip = memcachedUrl === undefined ? withoutServer("MEMCACHED_URL") : false;
const place = { url: memcachedUrl! };

rounds("Memcached", {
  skip,
  connection: "memcached",
  place,
  open: () => connect(place),
  count: () => countMemcached(memcachedUrl!),
  shortest: 1000,
  most: 30,
});

skews("Memcached", { skip, connection: "memcached", place, longer: 1000 });
