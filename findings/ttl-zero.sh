#!/usr/bin/env bash
# Subject: a time to live of zero, in the caches that one moves between.
# Versions: cacheable 2.5.0, cache-manager 7.2.9, keyv 5.6.0, bentocache 1.6.1, lru-cache 11.5.3,
#   async-cache-dedupe 3.4.0, @epic-web/cachified 5.6.3, ocache 0.3.2, effect 4.1.0; Node 20 or later.
# A good guess: zero means the same everywhere, or at least within one family of packages: not stored.
# What happens: five keep such a value, five don't. Cacheable keeps it, and CacheableMemory of the same
#   package doesn't.
# Why it matters: `ttl: 0` is how a value is marked as not to be kept (an error, a user's own page).
#   Moved to another cache, just that value is served again.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cacheable@2.5.0 cache-manager@7.2.9 \
  keyv@5.6.0 bentocache@1.6.1 lru-cache@11.5.3 async-cache-dedupe@3.4.0 \
  @epic-web/cachified@5.6.3 ocache@0.3.2 effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { cachified } from "@epic-web/cachified";
import { createCache as createDedupe } from "async-cache-dedupe";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { createCache } from "cache-manager";
import { Cacheable, CacheableMemory } from "cacheable";
import { Cache, Effect } from "effect";
import { Keyv } from "keyv";
import { LRUCache } from "lru-cache";
import { cachedFunction } from "ocache";

/** A cache of plain gets and sets, as one that fetches. */
const aside = (cache) => async (fetch) => {
  const found = await cache.get("key");
  if (found !== undefined) return found;
  const value = await fetch();
  await cache.set("key", value, 0);
  return value;
};
const dedupe = createDedupe({ ttl: 0, storage: { type: "memory" } });
const bento = new BentoCache({
  default: "memory",
  stores: { memory: bentostore().useL1Layer(memoryDriver({})) },
});
const [cacheable, manager, map] = [new Cacheable(), createCache(), new Map()];

/** Each makes a function that reads the key, or fetches it and stores it with a time to live of 0. */
const caches = {
  "Cacheable": (fetch) => () => cacheable.getOrSet("key", fetch, { ttl: 0 }),
  "cache-manager": (fetch) => () => manager.wrap("key", fetch, 0),
  "keyv": (fetch) => ((ask) => () => ask(fetch))(aside(new Keyv())),
  "bentocache": (fetch) => () => bento.getOrSet({ key: "key", factory: fetch, ttl: 0 }),
  "lru-cache": (fetch) => ((cache) => () => cache.fetch("key"))(
    new LRUCache({ max: 10, ttl: 0, fetchMethod: fetch }),
  ),
  "CacheableMemory": (fetch) => ((ask) => () => ask(fetch))(aside(new CacheableMemory())),
  "async-cache-dedupe": (fetch) => (dedupe.define("load", fetch), () => dedupe.load("key")),
  "cachified": (fetch) => () =>
    cachified({ key: "key", cache: map, ttl: 0, getFreshValue: fetch }),
  "ocache": (fetch) => cachedFunction(fetch, { maxAge: 0, name: "get" }),
  "effect's Cache": (fetch) => {
    const lookup = () => Effect.promise(fetch);
    const cache = Effect.runSync(Cache.make({ capacity: 10, timeToLive: 0, lookup }));
    return () => Effect.runPromise(Cache.get(cache, "key"));
  },
};

const seen = {};
for (const [name, make] of Object.entries(caches)) {
  let fetches = 0;
  const ask = make(async () => fetches += 1);
  for (let calls = 0; calls < 3; calls += 1) {
    await ask();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  seen[name] = fetches === 1 ? "kept" : `fetched ${fetches} times`;
}
console.log("three calls, with a time to live of 0:", seen);
const not = "fetched 3 times";
assert.deepEqual(seen, {
  "Cacheable": "kept",
  "cache-manager": "kept",
  "keyv": "kept",
  "bentocache": "kept",
  "lru-cache": "kept",
  "CacheableMemory": not,
  "async-cache-dedupe": not,
  "cachified": not,
  "ocache": not,
  "effect's Cache": not,
});
process.exit(0);
JS
node probe.mjs
