#!/usr/bin/env bash
# Subject: cacheable, `wrap(function)`, which caches a function by its arguments.
# Version: cacheable 2.5.0, Node 20 or later.
# A good guess: two functions that are wrapped with one cache have entries of their own.
# What happens: the key is made of the arguments alone. Unless each has a `keyPrefix`, the second
#   function returns what the first has returned for the same arguments, and doesn't run. The same
#   holds for `CacheableMemory`.
# Why it matters: `loadUser(42)` and `loadOrder(42)` return the same object, and nothing is reported.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cacheable@2.5.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Cacheable, CacheableMemory } from "cacheable";

async function both(cache, user, order) {
  let runs = 0;
  const loadUser = cache.wrap((id) => (runs += 1, `user ${id}`), user);
  const loadOrder = cache.wrap((id) => (runs += 1, `order ${id}`), order);
  return { user: await loadUser(42), order: await loadOrder(42), runs };
}

const seen = {
  "Cacheable": await both(new Cacheable(), {}, {}),
  "CacheableMemory": await both(new CacheableMemory(), {}, {}),
  "Cacheable with a prefix each": await both(
    new Cacheable(),
    { keyPrefix: "user" },
    { keyPrefix: "order" },
  ),
};
console.log(seen);
assert.deepEqual(seen, {
  "Cacheable": { user: "user 42", order: "user 42", runs: 1 },
  "CacheableMemory": { user: "user 42", order: "user 42", runs: 1 },
  "Cacheable with a prefix each": { user: "user 42", order: "order 42", runs: 2 },
});
JS
node probe.mjs
