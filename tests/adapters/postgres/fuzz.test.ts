import { isWellFormed } from "../../../adapters/kit/names.ts";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Store } from "../../../mod.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { postgresClients, postgresUrl } from "./clients.ts";

fuzz("postgres", {
  async damaged() {
    const { connect, close } = await postgresClients(postgresUrl!);
    const [one, two, admin] = [connect(), connect(), connect()];
    const { client, requests } = counted(one, /^unsafe$/);
    const table = "fuzz_damaged";
    const stores = [client, two].map((sql) => postgresAdapter({ sql, table }));
    return {
      stores: stores as [Store<unknown>, Store<unknown>],
      requests,
      async damage(key, draw) {
        const text = draw.text();
        const column = draw.of(
          ...["text", "bytes", "owner", "ended", "outcome"],
          ...["until", "ends", "lease_until", "quiet_until", "stale_for", "failures"],
        );
        const isTime = ["until", "ends", "lease_until", "quiet_until"].includes(column);
        const value: string | Uint8Array | null = column === "bytes"
          ? draw.of(draw.bytes(), null)
          : isTime
          ? draw.of("infinity", new Date(draw.end()).toISOString())
          : column === "stale_for" || column === "failures"
          ? draw.of("-1", "0", "1000000", null)
          : draw.of(text, null);
        if (draw.below(9) === 0) await admin`delete from ${admin(table)} where key = ${key}`;
        else {
          await admin.unsafe(
            `update ${table} set ${column} = $2${isTime ? "::text::timestamptz" : ""}
            where key = $1`,
            [key, value],
          );
        }
      },
      close,
    };
  },
  skip: postgresUrl === undefined && withoutServer("POSTGRES_URL"),
  open: (codec) => connect({ url: postgresUrl!, table: "fuzz", codec }),
  refuses: (key) => !isWellFormed(key) || key.includes("\0"),
  async hand(): Promise<OpenHand> {
    const { connect, close } = await postgresClients(postgresUrl!);
    const sql = connect();
    return {
      write: (key, bytes) =>
        sql`insert into fuzz (key, until, ends, bytes) values (${key}, 'infinity', 'infinity', ${bytes})`,
      others: {
        text: (key) =>
          sql`insert into fuzz (key, until, ends, text)
          values (${key}, 'infinity', 'infinity', '{')`,
        "text and bytes": (key) =>
          sql`insert into fuzz (key, until, ends, text, bytes)
          values (${key}, 'infinity', 'infinity', '{', '5')`,
      },
      close,
    };
  },
});
