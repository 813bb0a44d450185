#!/usr/bin/env bash
# Subject: Effect 4's PersistedCache, memory before a store: how long a value is served.
# Version: effect 4.1.0, with its store in memory, Node 20 or later.
# A good guess: `timeToLive: () => "300 millis"` is how old a value may be; the copy in memory lives as long, or
#   shorter. A failure whose time to live is zero is tried again by the next caller.
# What happens: the copy in memory has ten seconds of its own (`inMemoryTTL`), whatever `timeToLive` says: the value
#   is served for ten seconds after memory took it. A failure is kept in memory as long, too, with a
#   `timeToLive` of zero for it. With `inMemoryTTL` set to the same function both are as guessed.
# Why it matters: what may be a second old is ten seconds old, in each process, and a source that was
#   away for a moment is away for ten seconds. Pass `inMemoryTTL` each time.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Effect, Exit, Layer, Schema } from "effect";
import * as Persistable from "effect/persistence/Persistable";
import * as PersistedCache from "effect/persistence/PersistedCache";
import * as Persistence from "effect/persistence/Persistence";

class User extends Persistable.Class()("User", {
  primaryKey: ({ id }) => id,
  success: Schema.String,
  error: Schema.String,
}) {}

const timeToLive = (exit) => Exit.isSuccess(exit) ? "300 millis" : 0;
const read = (options) =>
  Effect.gen(function* () {
    let version = 0;
    let away = false;
    const users = yield* PersistedCache.make(
      () => Effect.suspend(() => away ? Effect.fail("away") : Effect.succeed(`version ${version += 1}`)),
      { storeId: `users ${JSON.stringify(Object.keys(options))}`, timeToLive, ...options },
    );
    const get = (id) => users.get(new User({ id })).pipe(Effect.match({ onFailure: String, onSuccess: String }));
    const told = { "at first": yield* get("1") };
    yield* Effect.sleep("1 second");
    told["after a second"] = yield* get("1");
    away = true;
    told["while the source is away"] = yield* get("2");
    away = false;
    told["when it is there again"] = yield* get("2");
    return told;
  }).pipe(Effect.scoped, Effect.provide(Persistence.layer.pipe(Layer.provide(Persistence.layerBackingMemory))));
const seen = {
  "timeToLive": await Effect.runPromise(read({})),
  "timeToLive and inMemoryTTL": await Effect.runPromise(read({ inMemoryTTL: timeToLive })),
};
console.log(seen);
assert.deepEqual(seen, {
  "timeToLive": {
    "at first": "version 1",
    "after a second": "version 1",
    "while the source is away": "away",
    "when it is there again": "away",
  },
  "timeToLive and inMemoryTTL": {
    "at first": "version 1",
    "after a second": "version 2",
    "while the source is away": "away",
    "when it is there again": "version 3",
  },
});
JS
node probe.mjs
