#!/usr/bin/env bash
# Subject: PGlite, Postgres in the process, in place of a server: channels and int8.
# Version: @electric-sql/pglite 0.5.17 (it calls itself PostgreSQL 18.7), Node 20 or later.
# A good guess: `listen(channel)` receives what `pg_notify` sends to that channel; a column has one
#   type in JavaScript.
# What happens: `listen("Users")` listens to "users" and doesn't receive `pg_notify('Users', …)`; it
#   must be listen('"Users"'). An int8 is a number up to 2^53 and a BigInt beyond, row by row, and
#   JSON.stringify refuses the second.
# Why it matters: pushes over channels with capitals are lost without an error, and a counter or a
#   version number fails on the day that it gets large.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.17

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { PGlite } from "@electric-sql/pglite";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const db = await PGlite.create();

const heard = [];
await db.listen("Users", (payload) => heard.push(`bare: ${payload}`));
await db.listen('"Orders"', (payload) => heard.push(`quoted: ${payload}`));
for (const channel of ["Users", "users", "Orders", "orders"]) {
  await db.query("select pg_notify($1, $1)", [channel]);
}
await pause(50);
console.log("heard:", heard);
assert.deepEqual(heard, ["bare: users", "quoted: Orders"]);

const { rows } = await db.query("select n::int8 from (values (5), (9007199254740993)) as t(n) order by n");
console.log("int8:", rows);
assert.deepEqual(rows, [{ n: 5 }, { n: 9007199254740993n }]);
assert.throws(() => JSON.stringify(rows), TypeError);
await db.close();
JS
node probe.mjs
