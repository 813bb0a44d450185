#!/usr/bin/env bash
# Subject: @ungap/structured-clone/json, which writes as JSON what `structuredClone` can copy.
# Version: @ungap/structured-clone 1.4.0, Node 20 or later.
# A good guess: as its page says, it writes each type that the algorithm knows, Date, Map, Set, BigInt
#   and typed arrays among them; what it can't write is an error unless `lossy` is asked for.
# What happens: NaN and Infinity are read as null, without an error. A DataView of two bytes is read as one
#   of the whole buffer. An error loses its `cause`; an AggregateError has no message, and the letters of
#   its message as its errors. A BigInt is kept, and a BigInt64Array throws.
# Why it matters: the one who fetched has NaN or Infinity ("no limit"), and all who read the cache have
#   null, which arithmetic takes for 0. Of an error that was stored for the next callers the reason is gone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @ungap/structured-clone@1.4.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { parse, stringify } from "@ungap/structured-clone/json";

const asJson = (value) => parse(stringify(value));
const view = new DataView(Uint8Array.of(1, 2, 3, 4, 5, 6).buffer, 2, 2);
const failed = new AggregateError([new Error("one")], "all", { cause: new Error("why") });
const told = (copy) => {
  const { limit, ratio } = copy({ limit: Infinity, ratio: NaN });
  const { message, errors, cause } = copy(failed);
  let bigints = "throws";
  try {
    bigints = copy(BigInt64Array.of(5n));
  } catch {
    // As told.
  }
  return {
    numbers: [limit, ratio],
    "bytes of a view of two": copy(view).byteLength,
    error: [message, errors?.map((error) => error.message ?? error), cause?.message],
    "a BigInt, a BigInt64Array": [copy(5n), bigints],
  };
};
const seen = { structuredClone: told(structuredClone), "as JSON": told(asJson) };
console.log(seen);
assert.deepEqual(seen["as JSON"], {
  numbers: [null, null],
  "bytes of a view of two": 6,
  error: ["", ["a", "l", "l"], undefined],
  "a BigInt, a BigInt64Array": [5n, "throws"],
});
assert.deepEqual(seen.structuredClone.numbers, [Infinity, NaN]);
assert.equal(seen.structuredClone["bytes of a view of two"], 2);
JS
node probe.mjs
