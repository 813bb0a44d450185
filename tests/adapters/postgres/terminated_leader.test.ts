import { withoutServer } from "../../support/address.ts";
import { terminatedLeader } from "../../support/terminated_leader.ts";
import { postgresUrl } from "./clients.ts";

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;

for (const library of [undefined, "pg"]) {
  const place = { url: postgresUrl!, table: "terminated", library };
  const name = library === undefined ? "Postgres" : `Postgres, by ${library}`;
  terminatedLeader(name, { skip, connection: "postgres/connection", place });
}
