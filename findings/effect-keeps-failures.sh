#!/usr/bin/env bash
# Subject: what Effect 4 keeps of an effect that failed once: cachedWithTTL, Cache.refresh, RcMap,
#   ManagedRuntime.
# Version: effect 4.1.0, Node 20 or later.
# A good guess: a time to live is a value's. What failed is tried again by the next caller; a refresh
#   that fails leaves the value that was there.
# What happens: `Effect.cachedWithTTL` keeps the failure for its time. `Cache.refresh` puts the
#   failure in the good value's place. `RcMap` keeps a failed acquisition for `idleTimeToLive`, after
#   its users have gone. A ManagedRuntime whose layer failed never builds it again.
# Why it matters: a source or a server that is away for a second, as a process starts or a value is
#   refreshed, stays away for that process for the hour, or until it ends.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Cache, Context, Effect, Layer, ManagedRuntime, RcMap } from "effect";

/** Fails in its n-th run alone. */
const failing = (nth) => {
  let runs = 0;
  return Effect.suspend(() => ++runs === nth ? Effect.fail("down") : Effect.succeed("well"));
};
const outcome = (effect) => Effect.match(effect, { onSuccess: (value) => value, onFailure: String });

const cachedWithTTL = Effect.gen(function* () {
  const cached = yield* Effect.cachedWithTTL(failing(1), "1 hour");
  return [yield* outcome(cached), yield* outcome(cached)];
});
const refresh = Effect.gen(function* () {
  const lookup = failing(2);
  const cache = yield* Cache.make({ capacity: 10, timeToLive: "1 hour", lookup: () => lookup });
  const first = yield* Cache.get(cache, "key");
  yield* outcome(Cache.refresh(cache, "key"));
  return [first, yield* outcome(Cache.get(cache, "key"))];
});
const rcMap = Effect.scoped(Effect.gen(function* () {
  const connect = failing(1);
  const map = yield* RcMap.make({ lookup: () => connect, idleTimeToLive: "1 hour" });
  const use = outcome(Effect.scoped(RcMap.get(map, "server")));
  return [yield* use, yield* use];
}));
const Server = Context.Service("Server");
const runtime = ManagedRuntime.make(Layer.effect(Server, failing(1)));
const use = () => runtime.runPromise(Server).catch(String);

const seen = {
  "cachedWithTTL": await Effect.runPromise(cachedWithTTL),
  "Cache.get, before and after a refresh": await Effect.runPromise(refresh),
  "RcMap": await Effect.runPromise(rcMap),
  "ManagedRuntime": [await use(), await use()],
};
console.log("two uses of each, the source being down for one call:", seen);
assert.deepEqual(seen, {
  "cachedWithTTL": ["down", "down"],
  "Cache.get, before and after a refresh": ["well", "down"],
  "RcMap": ["down", "down"],
  "ManagedRuntime": ["down", "down"],
});
process.exit(0);
JS
node probe.mjs
