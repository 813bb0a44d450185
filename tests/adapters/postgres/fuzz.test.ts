import type { Sql } from "postgres";
import { isWellFormed } from "../../../adapters/kit/names.ts";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Store } from "../../../mod.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted, type Damaged } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { openPool, postgresClients, postgresUrl } from "./clients.ts";

const common = {
  skip: postgresUrl === undefined && withoutServer("POSTGRES_URL"),
  refuses: (key: string) => !isWellFormed(key) || key.includes("\0"),
};

fuzz("postgres", {
  ...common,
  async damaged() {
    const { connect, close } = await postgresClients(postgresUrl!);
    const [one, two, admin] = [connect(), connect(), connect()];
    const { client, requests } = counted(one, /^unsafe$/);
    const table = "fuzz_damaged";
    const stores = [client, two].map((sql) => postgresAdapter({ sql, table }));
    return {
      stores: stores as [Store<unknown>, Store<unknown>],
      requests,
      damage: damageIn(admin, table),
      close,
    };
  },
  open: (codec) => connect({ url: postgresUrl!, table: "fuzz", codec }),
  hand: () => handOn("fuzz"),
});

fuzz("postgres by pg", {
  ...common,
  async damaged() {
    const { connect, close } = await postgresClients(postgresUrl!);
    const pools = await Promise.all([openPool(postgresUrl!), openPool(postgresUrl!)]);
    const { client: pool, requests } = counted(pools[0], /^query$/);
    const table = "fuzz_damaged_by_pg";
    return {
      stores: [postgresAdapter({ pool, table }), postgresAdapter({ pool: pools[1], table })],
      requests,
      damage: damageIn(connect(), table),
      runs: 500,
      close: () => Promise.all([...pools.map((pool) => pool.end()), close()]),
    };
  },
  open: (codec) => connect({ url: postgresUrl!, table: "fuzz_by_pg", codec, library: "pg" }),
  hand: () => handOn("fuzz_by_pg"),
});

/** Damages a column of a key's row. */
function damageIn(admin: Sql, table: string): Damaged["damage"] {
  return async (key, draw) => {
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
  };
}

/** Writes past the adapter. */
async function handOn(table: string): Promise<OpenHand> {
  const { connect, close } = await postgresClients(postgresUrl!);
  const sql = connect();
  const insert = (columns: string, values: string) => (key: string, ...bytes: Uint8Array[]) =>
    sql.unsafe(
      `insert into ${table} (key, until, ends, ${columns})
      values ($1, 'infinity', 'infinity', ${values})`,
      [key, ...bytes],
    );
  return {
    write: insert("bytes", "$2"),
    others: { text: insert("text", "'{'"), "text and bytes": insert("text, bytes", "'{', '5'") },
    close,
  };
}
