#!/usr/bin/env bash
# Subject: avsc (Avro for JavaScript) as a cache's codec, with a schema that it infers from a value.
# Version: avsc 5.7.9, Node 20 or later.
# A good guess: `Type.forValue(value)` gives a type that writes this very value and reads it back the
#   same, as JavaScript's numbers are doubles.
# What happens: a number with a fraction, and one beyond 32 bits, is inferred as a "float" of 32 bits.
#   19.99 is read as 19.989999771118164, and the time `Date.now()` may be a minute off. A type of
#   several samples, of which one has a fraction, reads 16,777,217 as 16,777,216.
# Why it matters: prices and times change in the cache, by so little that a test with 1.5 doesn't show
#   it, and the one who fetched has the right ones. Write the schema, or pass a `typeHook` that
#   turns "float" into "double".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts avsc@5.7.9

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import avro from "avsc";

const { Type } = avro;
const double = Type.forSchema("double");
const typeHook = (schema) => schema === "float" ? double : undefined;
const copy = (type, value) => type.fromBuffer(type.toBuffer(value));
const time = Date.UTC(2026, 10, 30, 6, 39, 38, 123);
const samples = Type.forTypes([Type.forValue(1), Type.forValue(0.5)]);
const seen = {
  "1.5": copy(Type.forValue(1.5), 1.5),
  "19.99": copy(Type.forValue(19.99), 19.99),
  "a time, seconds off": Math.abs(copy(Type.forValue(time), time) - time) / 1000,
  "16777217, of samples 1 and 0.5": copy(samples, 16_777_217),
  "19.99 with a typeHook": copy(Type.forValue(19.99, { typeHook }), 19.99),
};
console.log(seen, Type.forValue({ price: 19.99, time }).schema().fields);
assert.deepEqual(seen, {
  "1.5": 1.5,
  "19.99": 19.989999771118164,
  "a time, seconds off": 13.451,
  "16777217, of samples 1 and 0.5": 16_777_216,
  "19.99 with a typeHook": 19.99,
});
JS
node probe.mjs
