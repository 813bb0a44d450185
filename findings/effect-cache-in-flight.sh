#!/usr/bin/env bash
# Subject: Effect 4's Cache, as to lookups that are under way.
# Version: effect 4.1.0, Node 20 or later.
# A good guess: a key that is being looked up isn't looked up a second time, however small the cache;
#   `getOption` says at once whether there is a value.
# What happens: a lookup under way counts for `capacity` and is evicted by it, so its key is looked up
#   again beside it. `getOption` waits for a lookup that another has begun, with no lookup of its own.
# Why it matters: with more cold keys at once than `capacity` the one lookup per key is gone, just in
#   the rush that it is for; and a look that was to be free takes as long as the source.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Cache, Effect, Option } from "effect";

const herd = (capacity) =>
  Effect.gen(function* () {
    const lookups = {};
    const cache = yield* Cache.make({
      capacity,
      timeToLive: "1 hour",
      lookup: (key) => {
        lookups[key] = (lookups[key] ?? 0) + 1;
        return Effect.as(Effect.sleep(100), key);
      },
    });
    const keys = ["a", "b", "c", "a", "b", "c"];
    yield* Effect.forEach(keys, (key) => Cache.get(cache, key), { concurrency: "unbounded" });
    return lookups;
  });
const look = Effect.gen(function* () {
  const lookup = () => Effect.as(Effect.sleep(200), "value");
  const cache = yield* Cache.make({ capacity: 10, timeToLive: "1 hour", lookup });
  const began = performance.now();
  const unknown = Option.isNone(yield* Cache.getOption(cache, "key"));
  const quick = performance.now() - began < 100;
  yield* Effect.forkChild(Cache.get(cache, "key"));
  yield* Effect.sleep(20);
  const asked = performance.now();
  const found = Option.isSome(yield* Cache.getOption(cache, "key"));
  return { unknown, quick, found, waited: performance.now() - asked > 100 };
});

const seen = {
  "lookups, capacity 3": await Effect.runPromise(herd(3)),
  "lookups, capacity 2": await Effect.runPromise(herd(2)),
  "getOption": await Effect.runPromise(look),
};
console.log(seen);
assert.deepEqual(seen, {
  "lookups, capacity 3": { a: 1, b: 1, c: 1 },
  "lookups, capacity 2": { a: 2, b: 2, c: 2 },
  "getOption": { unknown: true, quick: true, found: true, waited: true },
});
JS
node probe.mjs
