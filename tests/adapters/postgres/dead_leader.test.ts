import { withoutServer } from "../../support/address.ts";
import { deadLeader } from "../../support/dead_leader.ts";
import { postgresUrl } from "./clients.ts";

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;

for (const library of [undefined, "pg"]) {
  const name = library === undefined ? "Postgres" : `Postgres, by ${library}`;
  deadLeader(name, {
    skip,
    port: skip ? undefined : Number(new URL(postgresUrl!).port),
    backend(port) {
      const url = new URL(postgresUrl!);
      if (port !== undefined) url.port = String(port);
      return {
        connection: "postgres/connection",
        place: { url: url.href, table: "dead_leaders", library },
      };
    },
  });
}
