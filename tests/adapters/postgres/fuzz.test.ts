import { isWellFormed } from "../../../adapters/kit/names.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { postgresClients, postgresUrl } from "./clients.ts";

fuzz("postgres", {
  skip: postgresUrl === undefined && withoutServer("POSTGRES_URL"),
  open: (codec) => connect({ url: postgresUrl!, table: "fuzz", codec }),
  refuses: (key) => !isWellFormed(key) || key.includes("\0"),
  async hand(): Promise<OpenHand> {
    const { connect, close } = await postgresClients(postgresUrl!);
    const sql = connect();
    return {
      write: (key, bytes) =>
        sql`insert into fuzz (key, until, bytes) values (${key}, 'infinity', ${bytes})`,
      others: {
        text: (key) => sql`insert into fuzz (key, until, text) values (${key}, 'infinity', '{')`,
        "text and bytes": (key) =>
          sql`insert into fuzz (key, until, text, bytes) values (${key}, 'infinity', '{', '5')`,
      },
      close,
    };
  },
});
