import { variable, withoutServer } from "./support/address.ts";
import { connect } from "./support/connections/postgres.ts";
import { outages } from "./support/outages.ts";
import { startPostgresServer } from "./support/postgres_server.ts";

const programs = variable("POSTGRES_PROGRAMS");
const toxiproxy = variable("TOXIPROXY_URL");

outages("postgres", {
  skip: programs === undefined
    ? withoutServer("POSTGRES_PROGRAMS")
    : toxiproxy === undefined
    ? withoutServer("TOXIPROXY_URL")
    : false,
  toxiproxy,
  start: (port) => startPostgresServer(programs!, port),
  open: (port) => connect({ url: `postgres://postgres@127.0.0.1:${port}/postgres` }),
});
