import { withoutServer } from "../../support/address.ts";
import { traces } from "../../support/traces.ts";
import { postgresUrl } from "./clients.ts";

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;

traces("Postgres", {
  skip,
  connection: "postgres/connection",
  place: { url: postgresUrl!, table: "traced" },
});
