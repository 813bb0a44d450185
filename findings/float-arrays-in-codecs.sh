#!/usr/bin/env bash
# Subject: a Float32Array (an embedding, a curve) as a value, by nine codecs.
# Versions: @msgpack/msgpack 3.1.3, msgpackr 2.1.4, msgpack-lite 0.2.2, msgpack5 6.1.0, notepack.io 3.0.1, cbor-x
#   1.6.9, cborg 6.1.5, cbor 10.0.12, bson 7.3.4, Node 20 or later.
# A good guess: it is read as the numbers that were written, or it is refused.
# What happens: msgpack-lite, cbor-x and cbor give the array. @msgpack/msgpack, msgpackr and cborg give the bytes
#   that it is made of, as a Uint8Array, which has four times as many elements. bson and msgpack5 give an
#   object with the keys 0, 1, 2. notepack.io cuts each number to a byte: 0.25 is 0, 1.75 is 1 and -1 is 255.
# Why it matters: the one who fetched has the embedding, and all others something that has a length or indexes,
#   too, so that a similarity is computed and wrong. Store `[...array]`, or the bytes, and make the
#   array of what is read.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @msgpack/msgpack@3.1.3 msgpackr@2.1.4 msgpack-lite@0.2.2 \
  msgpack5@6.1.0 notepack.io@3.0.1 cbor-x@1.6.9 cborg@6.1.5 cbor@10.0.12 bson@7.3.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as msgpack from "@msgpack/msgpack";
import * as bson from "bson";
import cbor from "cbor";
import * as cborX from "cbor-x";
import * as cborg from "cborg";
import lite from "msgpack-lite";
import makeMsgpack5 from "msgpack5";
import * as msgpackr from "msgpackr";
import notepack from "notepack.io";

const msgpack5 = makeMsgpack5();
const codecs = {
  "msgpack-lite": [lite.encode, lite.decode],
  "cbor-x": [cborX.encode, cborX.decode],
  "cbor": [cbor.encode, cbor.decode],
  "@msgpack/msgpack": [msgpack.encode, msgpack.decode],
  "msgpackr": [msgpackr.pack, msgpackr.unpack],
  "cborg": [cborg.encode, cborg.decode],
  "bson": [bson.serialize, bson.deserialize],
  "msgpack5": [(value) => msgpack5.encode(value).slice(), (bytes) => msgpack5.decode(bytes)],
  "notepack.io": [notepack.encode, notepack.decode],
};
const embedding = Float32Array.of(0.25, 1.75, -1);
const bytes = [...new Uint8Array(embedding.buffer)];
const seen = {};
for (const [name, [encode, decode]] of Object.entries(codecs)) {
  const read = decode(encode({ embedding })).embedding;
  const elements = read.length === undefined ? undefined : [...read];
  seen[name] = `${elements}` === `${[...embedding]}` && read instanceof Float32Array
    ? "the array"
    : `${elements}` === `${bytes}`
    ? "its bytes"
    : elements === undefined
    ? JSON.stringify(read)
    : `${elements}`;
}
console.log(seen);
const object = '{"0":0.25,"1":1.75,"2":-1}';
assert.deepEqual(seen, {
  "msgpack-lite": "the array",
  "cbor-x": "the array",
  "cbor": "the array",
  "@msgpack/msgpack": "its bytes",
  "msgpackr": "its bytes",
  "cborg": "its bytes",
  "bson": object,
  "msgpack5": object,
  "notepack.io": "0,1,255",
});
JS
node probe.mjs
