#!/usr/bin/env bash
# Subject: cbor2 as a cache's codec: a Buffer, and a Map.
# Versions: cbor2 2.3.0 beside cbor-x 1.6.9, Node 20 or later.
# A good guess: bytes are read as bytes, from a Buffer as from a Uint8Array, and a Map as a Map,
#   whatever its keys.
# What happens: a Buffer is written as the object that `toJSON` makes of it, and read as
#   `{ type: "Buffer", data: […] }`. A Map whose keys are all texts is read as an object, and one with
#   a number among its keys as a Map. cbor-x reads bytes and Maps.
# Why it matters: in Node nearly all bytes come as a Buffer (`readFile`, `crypto`, a socket). The one
#   who fetched has bytes, and all others an object; and a Map of ids works until all ids are texts,
#   or while it is empty. Pass `new Uint8Array(buffer)` and the entries of the Map.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cbor2@2.3.0 cbor-x@1.6.9

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as cborx from "cbor-x";
import * as cbor2 from "cbor2";

const values = {
  "Uint8Array": new Uint8Array([1, 2, 3]),
  "Buffer": Buffer.from([1, 2, 3]),
  "Map with a number as a key": new Map([[1, "Ada"], ["two", "Bob"]]),
  "Map with texts as keys": new Map([["one", "Ada"], ["two", "Bob"]]),
  "empty Map": new Map(),
};
const kind = (value) => value instanceof Uint8Array ? "bytes" : value instanceof Map ? "Map" : JSON.stringify(value);
const seen = {};
for (const [name, value] of Object.entries(values)) {
  seen[name] = {
    "cbor2": kind(cbor2.decode(cbor2.encode(value))),
    "cbor-x": kind(cborx.decode(cborx.encode(value))),
  };
}
console.log("read back as:", seen);
const bytes = { "cbor2": "bytes", "cbor-x": "bytes" };
const map = { "cbor2": "Map", "cbor-x": "Map" };
assert.deepEqual(seen, {
  "Uint8Array": bytes,
  "Buffer": { ...bytes, "cbor2": '{"type":"Buffer","data":[1,2,3]}' },
  "Map with a number as a key": map,
  "Map with texts as keys": { ...map, "cbor2": '{"one":"Ada","two":"Bob"}' },
  "empty Map": { ...map, "cbor2": "{}" },
});
JS
node probe.mjs
