#!/usr/bin/env bash
# Subject: pg-mem, Postgres' stand-in in the process, and the statements of a lock.
# Versions: pg-mem 3.0.14 beside @electric-sql/pglite 0.5.17, Node 20 or later.
# A good guess: `ON CONFLICT … DO UPDATE … WHERE` returns no row where the condition is false, a ROLLBACK
#   takes back what came before it, `greatest` leaves nulls out; as in Postgres, or refused.
# What happens: the row isn't changed, but it is returned, and `rowCount` is 1. ROLLBACK through its `pg`
#   adapter takes nothing back, and another client reads the row before COMMIT. `greatest(null, 1)` is
#   null, and a bigint beyond 2^53 is another number.
# Why it matters: "take the lease if it has ended" tells each caller that it has it, so a test of the lock
#   fails on right code, and a test that all is undone after an error does too. PGlite does all of these
#   as Postgres does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts pg-mem@3.0.14 @electric-sql/pglite@0.5.17

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { PGlite } from "@electric-sql/pglite";
import { newDb } from "pg-mem";

const take = `insert into lease values ('key', $1, false)
  on conflict (key) do update set owner = excluded.owner where lease.ended returning owner`;

async function answers(query, other) {
  await query("create table lease (key text primary key, owner text, ended boolean)");
  await query(take, ["A"]);
  const seen = { "the lease, returned to B": await query(take, ["B"]) };
  seen["its owner"] = (await query("select owner from lease"))[0].owner;
  await query("begin");
  await query("insert into lease values ('undone', 'A', false)");
  if (other) seen["another client, before the end"] = (await other("select key from lease")).length - 1;
  await query("rollback");
  seen["rows left of a ROLLBACK"] = (await query("select key from lease where key = 'undone'")).length;
  seen["greatest(null, 1)"] = (await query("select greatest(null, 1) as value"))[0].value;
  seen["a bigint"] = String((await query("select 9007199254740993::bigint as value"))[0].value);
  return seen;
}
const pglite = new PGlite();
const { Client } = newDb().adapters.createPg();
const [client, other] = [new Client(), new Client()];
await Promise.all([client.connect(), other.connect()]);
const rows = (client) => async (text, values) => (await client.query(text, values)).rows;
const seen = { PGlite: await answers(rows(pglite)), "pg-mem": await answers(rows(client), rows(other)) };
console.log(seen);
assert.deepEqual(seen, {
  PGlite: {
    "the lease, returned to B": [],
    "its owner": "A",
    "rows left of a ROLLBACK": 0,
    "greatest(null, 1)": 1,
    "a bigint": "9007199254740993",
  },
  "pg-mem": {
    "the lease, returned to B": [{ owner: "A" }],
    "its owner": "A",
    "another client, before the end": 1,
    "rows left of a ROLLBACK": 1,
    "greatest(null, 1)": null,
    "a bigint": "9007199254740992",
  },
});
await pglite.close();
JS
node probe.mjs
