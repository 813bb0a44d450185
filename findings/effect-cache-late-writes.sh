#!/usr/bin/env bash
# Subject: `set` and `invalidate` of Effect's Cache while the key is being looked up or refreshed.
# Versions: effect 3.22.4 and 4.1.0, Node 20 or later.
# A good guess: what was set stays, and what was invalidated is looked up anew. A lookup that began
#   before can't know the new value, so it gives way.
# What happens: in Effect 3 the lookup stores its old value over what was set, and in the place that
#   was invalidated. In Effect 4 a lookup gives way, and a refresh doesn't: what `Cache.refresh` read
#   before the write replaces the value that was set, and brings back a value that was invalidated.
# Why it matters: "write to the database, then set or invalidate" leaves the old row in the cache for a
#   whole time to live, in Effect 3 at each cold key, in Effect 4 where values are refreshed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@3.22.4 effect4@npm:effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as effect3 from "effect";
import * as effect4 from "effect4";

/** What a cache says after `write` has changed the row while it was read. */
const during = ({ Cache, Effect, Fiber }, major, begin, write) => {
  const call = (cache, name, ...args) => major === 3 ? cache[name](...args) : Cache[name](cache, ...args);
  const fork = major === 3 ? Effect.fork : Effect.forkChild;
  return Effect.gen(function* () {
    let row = "old";
    const cache = yield* Cache.make({
      capacity: 10,
      timeToLive: "1 hour",
      lookup: () =>
        Effect.suspend(() => {
          const found = row;
          return Effect.as(Effect.sleep("200 millis"), found);
        }),
    });
    if (begin === "refresh") yield* call(cache, "get", "key");
    const reading = yield* fork(call(cache, begin, "key"));
    yield* Effect.sleep("50 millis");
    row = "new";
    yield* write === "set" ? call(cache, "set", "key", row) : call(cache, "invalidate", "key");
    yield* Fiber.join(reading);
    return yield* call(cache, "get", "key");
  });
};

const seen = {};
for (const [major, library] of [[3, effect3], [4, effect4]]) {
  for (const begin of ["get", "refresh"]) {
    for (const write of ["set", "invalidate"]) {
      const value = await library.Effect.runPromise(during(library, major, begin, write));
      seen[`Effect ${major}, ${write} during ${begin}`] = value;
    }
  }
}
console.log(seen);
assert.deepEqual(seen, {
  "Effect 3, set during get": "old",
  "Effect 3, invalidate during get": "old",
  "Effect 3, set during refresh": "old",
  "Effect 3, invalidate during refresh": "old",
  "Effect 4, set during get": "new",
  "Effect 4, invalidate during get": "new",
  "Effect 4, set during refresh": "old",
  "Effect 4, invalidate during refresh": "old",
});
JS
node probe.mjs
