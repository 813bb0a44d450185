import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { sharedFailures } from "../../support/shared_failures.ts";
import { deployments } from "./clients.ts";

for (const { name, url, variable } of deployments) {
  sharedFailures(name, {
    skip: url === undefined ? withoutServer(variable) : false,
    connection: "mongodb/connection",
    place: { url: url!, database: `down_${randomToken()}` },
  });
}
