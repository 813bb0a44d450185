#!/usr/bin/env bash
# Subject: what is shared in Effect 3, when the caller that began it is interrupted: Effect.cached,
#   Effect.cachedFunction, Cache.
# Versions: effect 3.22.4 beside 4.1.0, Node 20 or later.
# A good guess: interruption ends one caller's wait. The others get the value, at the latest by a
#   second run, and an interruption isn't kept as a result.
# What happens: in Effect 3 the first caller's fiber runs the shared effect, and its interruption is the
#   result. `Effect.cached` and `cachedFunction` keep it for good: each later caller is interrupted,
#   and the effect never runs again. In Cache it interrupts those who wait, and the next one looks up
#   anew. cachedWithTTL and RcMap of 3, and all of 4, give the value.
# Why it matters: one request that is cancelled while it fills a cached configuration leaves the
#   process without it until a restart, and `catchAll` doesn't see an interruption.
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

const make = {
  "cached": ({ Effect }, source) => Effect.cached(source),
  "cachedFunction": ({ Effect }, source) =>
    Effect.map(Effect.cachedFunction(() => source), (load) => load("key")),
  "cachedWithTTL": ({ Effect }, source) => Effect.cachedWithTTL(source, "1 hour"),
  "Cache": ({ Cache, Effect }, source) =>
    Effect.map(
      Cache.make({ capacity: 10, timeToLive: "1 hour", lookup: () => source }),
      (cache) => typeof cache.get === "function" ? cache.get("key") : Cache.get(cache, "key"),
    ),
  "RcMap": ({ RcMap, Effect }, source) =>
    Effect.map(
      RcMap.make({ lookup: () => source, idleTimeToLive: "1 hour" }),
      (map) => Effect.scoped(RcMap.get(map, "key")),
    ),
};
const interrupt = (library, kind) => {
  const { Effect, Exit, Fiber } = library;
  const fork = Effect.fork ?? Effect.forkChild;
  const name = (exit) => Exit.isSuccess(exit) ? exit.value : "interrupted";
  return Effect.scoped(Effect.gen(function* () {
    const load = yield* make[kind](library, Effect.as(Effect.sleep("300 millis"), "value"));
    const first = yield* fork(load);
    yield* Effect.sleep("50 millis");
    const second = yield* fork(load);
    yield* Effect.sleep("50 millis");
    yield* Fiber.interrupt(first);
    const waiting = name(yield* Fiber.await(second));
    return `${waiting}, later ${name(yield* Effect.exit(load))}`;
  }));
};

const seen = {};
for (const [name, library] of [["Effect 3", effect3], ["Effect 4", effect4]]) {
  seen[name] = {};
  for (const kind of Object.keys(make)) {
    if (kind === "cachedFunction" && library === effect4) continue;
    seen[name][kind] = await library.Effect.runPromise(interrupt(library, kind));
  }
}
console.log("what a second caller gets, and one who comes later:", seen);
const good = "value, later value";
assert.deepEqual(seen, {
  "Effect 3": {
    "cached": "interrupted, later interrupted",
    "cachedFunction": "interrupted, later interrupted",
    "cachedWithTTL": good,
    "Cache": "interrupted, later value",
    "RcMap": good,
  },
  "Effect 4": { "cached": good, "cachedWithTTL": good, "Cache": good, "RcMap": good },
});
JS
node probe.mjs
