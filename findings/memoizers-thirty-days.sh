#!/usr/bin/env bash
# Subject: a time to live of thirty days in caches in memory that end entries by a timer.
# Versions: memory-cache 0.2.0, moize 6.1.7, micro-memoize 5.2.0, nano-memoize 3.0.16, p-memoize 8.0.0
#   with expiry-map 2.0.0, beside memoize 10.2.0 and memoizee 0.4.17; Node 20 or later.
# A good guess: thirty days is longer than twenty, so the value stays at least as long.
# What happens: five of seven forget it at once, and fetch at each call, as a timer of more than
#   2^31 - 1 ms (24.8 days) fires after 1 ms. Node warns of the timer, without the library's name.
#   memoize and memoizee throw.
# Why it matters: what changes so rarely that it gets the longest time to live isn't cached at all.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts memory-cache@0.2.0 moize@6.1.7 \
  micro-memoize@5.2.0 nano-memoize@3.0.16 p-memoize@8.0.0 expiry-map@2.0.0 memoize@10.2.0 \
  memoizee@0.4.17

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import ExpiryMap from "expiry-map";
import memoize from "memoize";
import memoizee from "memoizee";
import memoryCache from "memory-cache";
import { memoize as micro } from "micro-memoize";
import moize from "moize";
import nano from "nano-memoize";
import pMemoize from "p-memoize";

const libraries = {
  "memory-cache": (fetch, ttl) => {
    const cache = new memoryCache.Cache();
    return async (key) => {
      if (cache.get(key) === null) cache.put(key, await fetch(key), ttl);
      return cache.get(key);
    };
  },
  "moize": (fetch, maxAge) => moize(fetch, { maxAge }),
  "micro-memoize": (fetch, expires) => micro(fetch, { expires, async: true }),
  "nano-memoize": (fetch, maxAge) => nano.nanomemoize(fetch, { maxAge }),
  "p-memoize": (fetch, maxAge) => pMemoize(fetch, { cache: new ExpiryMap(maxAge) }),
  "memoize": (fetch, maxAge) => memoize(fetch, { maxAge }),
  "memoizee": (fetch, maxAge) => memoizee(fetch, { promise: true, maxAge }),
};
const fetches = async (make, days) => {
  let count = 0;
  const fetch = async (key) => (count += 1, `value of ${key}`);
  try {
    const load = make(fetch, days * 24 * 60 * 60 * 1000);
    for (let call = 0; call < 3; call += 1) {
      await load("key");
      await pause(50);
    }
    return count;
  } catch {
    return "throws";
  }
};

const seen = {};
for (const [name, make] of Object.entries(libraries)) {
  seen[name] = { "20 days": await fetches(make, 20), "30 days": await fetches(make, 30) };
}
console.log("fetches in three calls, 50 ms apart:");
console.table(seen);
for (const [name, row] of Object.entries(seen)) {
  const refuses = ["memoize", "memoizee"].includes(name);
  assert.deepEqual(row, { "20 days": 1, "30 days": refuses ? "throws" : 3 }, name);
}
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs
