import { withoutServer } from "../../support/address.ts";
import { sharedFailures } from "../../support/shared_failures.ts";
import { postgresUrl } from "./clients.ts";

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;

sharedFailures("Postgres", {
  skip,
  connection: "postgres/connection",
  place: { url: postgresUrl!, table: "down" },
});
