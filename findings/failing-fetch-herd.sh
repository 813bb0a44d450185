#!/usr/bin/env bash
# Subject: twenty callers of one key whose fetch fails, in two caches with stampede protection.
# Versions: bentocache 1.6.1, cacheable 2.5.0, beside cache-manager 7.2.9; Node 20 or later.
# A good guess: one fetch, and its error for all who wait.
# What happens: in bentocache each caller in turn gets the lock and fetches again: twenty fetches one
#   after another, so the last caller waits twenty times as long. In cacheable there is one fetch, and
#   `getOrSet` resolves with undefined for all; the error is an 'error' event.
# Why it matters: a source that is down is hit once per caller and holds them all up; or its failure
#   looks like "there is no such user".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts bentocache@1.6.1 cacheable@2.5.0 \
  cache-manager@7.2.9

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { createCache } from "cache-manager";
import { Cacheable } from "cacheable";

const [cacheable, manager] = [new Cacheable(), createCache()];
const bento = new BentoCache({
  default: "memory",
  stores: { memory: bentostore().useL1Layer(memoryDriver({})) },
});
const events = [];
cacheable.on("error", ({ message }) => events.push(message));

const caches = {
  "bentocache": (fetch) => bento.getOrSet({ key: "key", factory: fetch, ttl: 60_000 }),
  "cacheable": (fetch) => cacheable.getOrSet("key", fetch, { ttl: 60_000 }),
  "cache-manager": (fetch) => manager.wrap("key", fetch, 60_000),
};
const seen = {};
for (const [name, ask] of Object.entries(caches)) {
  let fetches = 0;
  const fetch = async () => {
    fetches += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    throw new Error("the source is down");
  };
  const began = performance.now();
  const settled = await Promise.allSettled(Array.from({ length: 20 }, () => ask(fetch)));
  const ms = Math.round(performance.now() - began);
  const ends = new Set(settled.map(({ status, value }) => status === "rejected" ? "rejected" : `${value}`));
  seen[name] = { fetches, ends: [...ends].join(), ms };
}
console.table(seen);
assert.deepEqual([seen.bentocache.fetches, seen.bentocache.ends], [20, "rejected"]);
assert.ok(seen.bentocache.ms >= 950, "one after another");
assert.deepEqual([seen.cacheable.fetches, seen.cacheable.ends], [1, "undefined"]);
assert.ok(events.includes("the source is down"));
assert.deepEqual([seen["cache-manager"].fetches, seen["cache-manager"].ends], [1, "rejected"]);
process.exit(0);
JS
node probe.mjs
