#!/usr/bin/env bash
# Subject: EJSON, MongoDB's extended JSON, as a cache's codec, beside BSON of the same package.
# Version: bson 7.3.4, Node 20 or later.
# A good guess: EJSON says in JSON what BSON can say: bytes are `$binary`, as a Date is `$date`. What it writes it can
#   read. A value that only looks like one of its own is read as it was.
# What happens: a Buffer or a Uint8Array becomes an object with the keys 0, 1, 2; serialize of the same value keeps its
#   bytes. An invalid Date is written, and each read of it throws. A BigInt beyond 64 bits is 0. A user's
#   object `{ $date: "2020-01-01" }` is read as a Date.
# Why it matters: documents that are stored in MongoDB well lose their bytes in a cache beside it, without an
#   error; and an entry that can't be read is a miss for each caller for as long as it lives. Make a Binary of
#   bytes: `new Binary(bytes)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts bson@7.3.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Binary, BSONError, deserialize, EJSON, serialize } from "bson";

const values = {
  "a Buffer": Buffer.from([1, 2]),
  "a Uint8Array": Uint8Array.of(1, 2),
  "a Binary": new Binary(Uint8Array.of(1, 2)),
  "an invalid Date": new Date(NaN),
  "2n ** 70n": 2n ** 70n,
  "{ $date: … }": { $date: "2020-01-01" },
};
const told = (read) => {
  try {
    const { value } = read();
    if (value instanceof Binary) return `bytes ${[...value.value()]}`;
    if (value instanceof Date) return `a Date, ${value.getTime()}`;
    return typeof value === "object" ? JSON.stringify(value) : `${value}`;
  } catch (error) {
    return error instanceof BSONError ? "an error" : `${error}`;
  }
};
const seen = {};
for (const [name, value] of Object.entries(values)) {
  const text = EJSON.stringify({ value });
  const bytes = serialize({ value });
  seen[name] = { EJSON: told(() => EJSON.parse(text)), BSON: told(() => deserialize(bytes)) };
}
console.table(seen);
assert.deepEqual(seen, {
  "a Buffer": { EJSON: '{"0":1,"1":2}', BSON: "bytes 1,2" },
  "a Uint8Array": { EJSON: '{"0":1,"1":2}', BSON: "bytes 1,2" },
  "a Binary": { EJSON: "bytes 1,2", BSON: "bytes 1,2" },
  "an invalid Date": { EJSON: "an error", BSON: "a Date, 0" },
  "2n ** 70n": { EJSON: "0", BSON: "0" },
  "{ $date: … }": { EJSON: "a Date, 1577836800000", BSON: '{"$date":"2020-01-01"}' },
});
JS
node probe.mjs
