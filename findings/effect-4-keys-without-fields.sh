#!/usr/bin/env bash
# Subject: objects that keep their content to themselves, as keys in Effect 4: URLSearchParams, a Blob,
#   an instance of a class with #private fields.
# Versions: effect 4.1.0 beside 3.22.4, Node 20 or later.
# A good guess: as the documentation says of `Equal`, values are compared by their content; what can't
#   be compared so is equal to itself alone, as it is in Effect 3.
# What happens: Effect 4 compares the fields and getters that it finds. Where they don't show the content,
#   two of one class are equal: two URLSearchParams with as many parameters, two Blobs of one size and
#   type, any two promises, any two instances of a class that has #private fields and no getter. Cache
#   looks the first one up and returns its value for the other. A URL, a Date, a Map and bytes are
#   compared by their content.
# Why it matters: after the update from Effect 3 a search for dogs returns the cats, and one tenant's id
#   (a class with a #value) reads another's row; no error says so. Use a text as the key, or give the
#   class an `Equal` and a `Hash` of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0 effect3@npm:effect@3.22.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as four from "effect";
import * as three from "effect3";

class TenantId {
  #value;
  constructor(value) {
    this.#value = value;
  }
  toString() {
    return this.#value;
  }
}
const pairs = {
  URLSearchParams: [new URLSearchParams("q=cats"), new URLSearchParams("q=dogs")],
  Blob: [new Blob(["cats"]), new Blob(["dogs"])],
  Promise: [Promise.resolve("cats"), Promise.resolve("dogs")],
  "class with a #value": [new TenantId("cats"), new TenantId("dogs")],
  URL: [new URL("https://example.com/cats"), new URL("https://example.com/dogs")],
  Date: [new Date(1), new Date(2)],
  Map: [new Map([["q", "cats"]]), new Map([["q", "dogs"]])],
  Uint8Array: [Uint8Array.of(1), Uint8Array.of(2)],
};

const rows = {};
for (const [name, [cats, dogs]] of Object.entries(pairs)) {
  rows[name] = {
    "equal in Effect 3": three.Equal.equals(cats, dogs),
    "equal in Effect 4": four.Equal.equals(cats, dogs),
  };
}
console.table(rows);
const equal = Object.keys(rows).filter((name) => rows[name]["equal in Effect 4"]);
assert.deepEqual(equal, ["URLSearchParams", "Blob", "Promise", "class with a #value"]);
assert.ok(Object.values(rows).every((row) => !row["equal in Effect 3"]));

const found = (effect, keys) =>
  effect.Effect.runPromise(
    effect.Effect.gen(function* () {
      const lookup = (key) => effect.Effect.succeed(`found for ${key}`);
      const cache = yield* effect.Cache.make({ capacity: 10, timeToLive: "1 minute", lookup });
      const get = (key) => effect === four ? four.Cache.get(cache, key) : cache.get(key);
      return [yield* get(keys[0]), yield* get(keys[1])];
    }),
  );
for (const name of ["URLSearchParams", "class with a #value"]) {
  const seen = { "Effect 3": await found(three, pairs[name]), "Effect 4": await found(four, pairs[name]) };
  console.log(`Cache, two keys, each a ${name}:`, seen);
  const [cats, dogs] = pairs[name].map((key) => `found for ${key}`);
  assert.deepEqual(seen, { "Effect 3": [cats, dogs], "Effect 4": [cats, cats] });
}
JS
node probe.mjs
