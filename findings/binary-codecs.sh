#!/usr/bin/env bash
# Subject: binary formats as a cache's codec: what they do with values that they have no type for.
# Versions: @msgpack/msgpack 3.1.3, msgpackr 2.1.4, bson 7.3.4 (MongoDB's), cbor-x 1.6.9, Node 20+.
# A good guess: a value that the format can't keep is refused, or at worst left out.
# What happens: it is stored as another value, without an error. A Set is {} in @msgpack/msgpack and
#   bson, and an array in msgpackr; a Map is {} in @msgpack/msgpack, empty, and an object in the other
#   two. An invalid Date becomes 1 January 1970 in @msgpack/msgpack and bson. A bigint beyond 64 bits
#   is 0 in bson, and 5n is read as the number 5. cbor-x keeps all of these.
# Why it matters: the caller who fetched has the Set, all others have {} until the entry ends, and
#   `set.has` is no function there. In MongoDB this is what a document does to a value.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @msgpack/msgpack@3.1.3 msgpackr@2.1.4 bson@7.3.4 cbor-x@1.6.9

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import * as msgpack from "@msgpack/msgpack";
import * as bson from "bson";
import * as cbor from "cbor-x";
import * as msgpackr from "msgpackr";

const codecs = {
  "@msgpack/msgpack": (value) => msgpack.decode(msgpack.encode(value)),
  "msgpackr": (value) => msgpackr.unpack(msgpackr.pack(value)),
  "bson": (value) => bson.deserialize(bson.serialize({ value })).value,
  "cbor-x": (value) => cbor.decode(cbor.encode(value)),
};
const values = {
  "Set": new Set([1]),
  "Map": new Map([["a", 1]]),
  "invalid Date": new Date(NaN),
  "5n": 5n,
  "2n ** 70n": 2n ** 70n,
};

/** Equal, where two invalid dates are equal too. */
const same = (a, b) =>
  a instanceof Date && b instanceof Date ? Object.is(a.getTime(), b.getTime()) : isDeepStrictEqual(a, b);

const seen = {};
for (const [name, value] of Object.entries(values)) {
  seen[name] = {};
  for (const [codec, trip] of Object.entries(codecs)) {
    try {
      const read = trip(value);
      seen[name][codec] = same(read, value) ? "kept" : inspect(read);
    } catch {
      seen[name][codec] = "refused";
    }
  }
}
console.table(seen);
assert.deepEqual(seen, {
  "Set": { "@msgpack/msgpack": "{}", "msgpackr": "[ 1 ]", "bson": "{}", "cbor-x": "kept" },
  "Map": {
    "@msgpack/msgpack": "{}",
    "msgpackr": "{ a: 1 }",
    "bson": "{ a: 1 }",
    "cbor-x": "kept",
  },
  "invalid Date": {
    "@msgpack/msgpack": "1970-01-01T00:00:00.000Z",
    "msgpackr": "kept",
    "bson": "1970-01-01T00:00:00.000Z",
    "cbor-x": "kept",
  },
  "5n": { "@msgpack/msgpack": "refused", "msgpackr": "kept", "bson": "5", "cbor-x": "kept" },
  "2n ** 70n": {
    "@msgpack/msgpack": "refused",
    "msgpackr": "refused",
    "bson": "0",
    "cbor-x": "kept",
  },
});
JS
node probe.mjs
