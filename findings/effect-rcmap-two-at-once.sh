#!/usr/bin/env bash
# Subject: Effect's RcMap, which shares one resource per key among its users.
# Versions: effect 3.22.4 and 4.1.0, Node 20 or later.
# A good guess: of a key at most one resource is open at once. That is what it is shared for.
# What happens: a resource leaves the map when its idle time ends or `invalidate` is called, and is
#   closed after that. A `get` meanwhile opens a second one beside it: as long as the finalizer takes,
#   and after `invalidate` as long as the last user holds the first.
# Why it matters: where the resource is exclusive (a lock, a port, the one writer of a file, a lease),
#   the second one fails or two work at once, just when the first one is slow to close.
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

const most = ({ Effect, RcMap }, { closing, use, idleTimeToLive }) =>
  Effect.scoped(Effect.gen(function* () {
    const count = { open: 0, most: 0 };
    const open = Effect.sync(() => {
      count.open += 1;
      count.most = Math.max(count.most, count.open);
    });
    const close = Effect.andThen(Effect.sleep(closing), Effect.sync(() => (count.open -= 1)));
    const map = yield* RcMap.make({
      lookup: () => Effect.acquireRelease(open, () => close),
      idleTimeToLive,
    });
    yield* use(map, RcMap, Effect);
    return count.most;
  }));
const idle = {
  closing: "500 millis",
  idleTimeToLive: "100 millis",
  use: (map, RcMap, Effect) =>
    Effect.gen(function* () {
      yield* Effect.scoped(RcMap.get(map, "key"));
      yield* Effect.sleep("300 millis");
      yield* Effect.scoped(RcMap.get(map, "key"));
    }),
};
const invalidated = {
  closing: 0,
  idleTimeToLive: "1 hour",
  use: (map, RcMap, Effect) =>
    Effect.scoped(Effect.gen(function* () {
      yield* RcMap.get(map, "key");
      yield* RcMap.invalidate(map, "key");
      yield* RcMap.get(map, "key");
    })),
};
const shared = {
  ...invalidated,
  use: (map, RcMap, Effect) =>
    Effect.scoped(Effect.andThen(RcMap.get(map, "key"), RcMap.get(map, "key"))),
};

const seen = {};
for (const [name, library] of [["Effect 3", effect3], ["Effect 4", effect4]]) {
  const run = (options) => library.Effect.runPromise(most(library, options));
  seen[name] = {
    "two users": await run(shared),
    "a user while an idle one is closed": await run(idle),
    "a user after invalidate": await run(invalidated),
  };
}
console.log("resources of one key that were open at once:", seen);
const expected = {
  "two users": 1,
  "a user while an idle one is closed": 2,
  "a user after invalidate": 2,
};
assert.deepEqual(seen, { "Effect 3": expected, "Effect 4": expected });
JS
node probe.mjs
