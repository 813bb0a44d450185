import { startMemcached } from "../../servers/memcached.ts";
import { outages } from "../../support/outages.ts";
import { connect } from "./connection.ts";

outages("memcached", {
  program: "MEMCACHED_SERVER",
  start: startMemcached,
  open: (port) => connect({ url: `127.0.0.1:${port}` }),
});
