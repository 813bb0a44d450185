import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { endings } from "../../support/endings.ts";
import { postgresClients, postgresUrl, statementsOn } from "./clients.ts";
import { rounds } from "../../support/rounds.ts";
import { skews } from "../../support/skews.ts";

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;
const place = { url: postgresUrl!, table: "rounds" };

for (const own of [place, { ...place, table: "rounds_pg", library: "pg" }]) {
  rounds("library" in own ? "Postgres, by pg" : "Postgres", {
    skip,
    connection: "postgres/connection",
    place: own,
    open: () => connect(own),
    // Three of the leader's process, and four of each of the others.
    most: 15,
    async count() {
      const { connect, close } = await postgresClients(postgresUrl!);
      const { take } = await statementsOn(connect({ onnotice: () => {} }), own.table);
      return {
        take: async () => (await take()).filter((name) => name !== "listen"),
        stop: close,
      };
    },
  });
}

const pg = { ...place, library: "pg" };
for (
  const [name, own] of Object.entries({
    Postgres: place,
    "Postgres, by pg": pg,
    "Postgres, by a pool of pg that is left open": {
      ...pg,
      leaveOpen: true,
      allowExitOnIdle: true,
    },
  })
) {
  endings(name, { skip, connection: "postgres/connection", place: own });
}

skews("Postgres", { skip, connection: "postgres/connection", place });
