#!/usr/bin/env bash
# Subject: a `delete` while the value is being fetched, in six caches, in memory.
# Versions: async-cache-dedupe 3.4.0, bentocache 1.6.1, @epic-web/cachified 5.6.3, cacheable 2.5.0,
#   cache-manager 7.2.9, @tanstack/query-core 5.108.4; Node 20 or later.
# A good guess: after the delete nobody reads what was fetched before it. That is what it is for.
# What happens: in all six the fetch that began before the delete stores its old value after it, and
#   the next caller reads it. So with TanStack's `invalidateQueries`: the old value that comes in
#   afterwards counts as fresh.
# Why it matters: "write to the database, then delete from the cache" is how caches are kept right. A
#   read at the same moment makes the old row stay until it expires.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts async-cache-dedupe@3.4.0 bentocache@1.6.1 \
  @epic-web/cachified@5.6.3 cacheable@2.5.0 cache-manager@7.2.9 @tanstack/query-core@5.108.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { cachified } from "@epic-web/cachified";
import { QueryClient } from "@tanstack/query-core";
import { createCache as createDedupe } from "async-cache-dedupe";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { createCache } from "cache-manager";
import { Cacheable } from "cacheable";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ttl = 60_000;
const [map, cacheable, manager, queries] = [new Map(), new Cacheable(), createCache(), new QueryClient()];
const bento = new BentoCache({
  default: "memory",
  stores: { memory: bentostore().useL1Layer(memoryDriver({})) },
});
const dedupe = createDedupe({ ttl: ttl / 1000, storage: { type: "memory" } });

/** Of each: how it reads through, and how it deletes. */
const caches = {
  "async-cache-dedupe": (fetch) => {
    dedupe.define("load", fetch);
    return [() => dedupe.load("key"), () => dedupe.clear("load", "key")];
  },
  "bentocache": (fetch) => [
    () => bento.getOrSet({ key: "key", factory: fetch, ttl }),
    () => bento.delete({ key: "key" }),
  ],
  "cachified": (fetch) => [
    () => cachified({ key: "key", cache: map, ttl, getFreshValue: fetch }),
    () => map.delete("key"),
  ],
  "cacheable": (fetch) => [
    () => cacheable.getOrSet("key", fetch, { ttl }),
    () => cacheable.delete("key"),
  ],
  "cache-manager": (fetch) => [
    () => manager.wrap("key", fetch, ttl),
    () => manager.del("key"),
  ],
  "query-core, invalidateQueries": (fetch) => [
    () => queries.fetchQuery({ queryKey: ["key"], queryFn: fetch, staleTime: ttl }),
    () => queries.invalidateQueries({ queryKey: ["key"] }),
  ],
};

const seen = {};
for (const [name, make] of Object.entries(caches)) {
  let row = "old";
  const [read, remove] = make(async () => {
    const found = row;
    await pause(100);
    return found;
  });
  const reading = read();
  await pause(30);
  row = "new";
  await remove();
  await reading;
  await pause(50);
  seen[name] = await read();
}
console.log("read after the row was changed and the key deleted:", seen);
assert.equal(Object.keys(seen).length, 6);
for (const [name, value] of Object.entries(seen)) assert.equal(value, "old", name);
process.exit(0);
JS
node probe.mjs
