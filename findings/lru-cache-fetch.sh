#!/usr/bin/env bash
# Subject: lru-cache's `fetch`, which many use as the coalescing cache in the process.
# Version: lru-cache 11.5.3, Node 20 or later.
# A good guess: one caller's AbortSignal ends that caller's wait alone; a fetch that is under way
#   isn't hurt by the cache's size or by a `delete`.
# What happens: the signal of the caller who came first is the fetch's: its abort rejects all who have
#   joined, and theirs does nothing, not even for themselves. A fetch that `max` pushes out rejects
#   with "evicted", one whose key is deleted with "deleted", so that callers fail whose source is well.
# Why it matters: a user who closes a tab fails all others who wait for the same key, and a small
#   cache turns a wave of distinct keys into errors.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts lru-cache@11.5.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { LRUCache } from "lru-cache";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const make = (max) => new LRUCache({ max, fetchMethod: async (key) => (await pause(100), `value of ${key}`) });
const settle = async (...promises) =>
  (await Promise.allSettled(promises)).map(({ value, reason }) => value ?? `rejected: ${reason.message}`);

async function abort(who) {
  const cache = make(10);
  const controllers = [new AbortController(), new AbortController()];
  const calls = controllers.map(({ signal }) => cache.fetch("a", { signal }));
  await pause(20);
  controllers[who].abort(new Error(`caller ${who + 1} left`));
  return await settle(...calls);
}
const small = make(2);
async function deletion() {
  const cache = make(10);
  const outcome = settle(cache.fetch("a"));
  cache.delete("a");
  return await outcome;
}

const seen = {
  "the first of two aborts": await abort(0),
  "the second of two aborts": await abort(1),
  "three keys, max 2": await settle(...["a", "b", "c"].map((key) => small.fetch(key))),
  "deleted meanwhile": await deletion(),
};
console.log(seen);
assert.deepEqual(seen, {
  "the first of two aborts": ["rejected: caller 1 left", "rejected: caller 1 left"],
  "the second of two aborts": ["value of a", "value of a"],
  "three keys, max 2": ["rejected: evicted", "value of b", "value of c"],
  "deleted meanwhile": ["rejected: deleted"],
});
JS
node probe.mjs
