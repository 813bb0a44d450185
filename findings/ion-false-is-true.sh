#!/usr/bin/env bash
# Subject: Amazon Ion as a cache's codec, in JavaScript: false, 0, an empty text and null, read back.
# Version: ion-js 5.2.1 with jsbi 4.3.2, Node 20 or later.
# A good guess: `load(dumpBinary(value))` gives the value. Its types extend JavaScript's Boolean, Number and
#   String, as the documentation says, so they can be used in their place.
# What happens: they are objects, and each object counts as true: `if (user.blocked)` runs for false. So do 0,
#   the empty text, and null, of which `?? "nobody"` and `=== null` take no notice. `==`, arithmetic and
#   JSON.stringify of them are as guessed.
# Why it matters: the one who fetched has false, and all who read the cache have an object that says false
#   when it is printed and true when it is asked. Tests that compare by `==` or by JSON pass. Ask
#   `booleanValue()`, `isNull()`, or read by `JSON.parse(JSON.stringify(loaded))` what JSON can say.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ion-js@5.2.1 jsbi@4.3.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { dumpBinary, load } from "ion-js";

const value = { blocked: false, tries: 0, name: "", owner: null };
const read = load(dumpBinary(value));
const told = (object) => ({
  "if (blocked)": object.blocked ? "runs" : "doesn't",
  "if (tries)": object.tries ? "runs" : "doesn't",
  "if (name)": object.name ? "runs" : "doesn't",
  "owner ?? \"nobody\"": (object.owner ?? "nobody") === "nobody" ? "nobody" : "an object",
  "blocked == false": object.blocked == false,
  "tries + 1": object.tries + 1,
  JSON: JSON.stringify(object),
});
console.log("fetched:", told(value));
console.log("read:", told(read));
assert.deepEqual(told(value), {
  "if (blocked)": "doesn't",
  "if (tries)": "doesn't",
  "if (name)": "doesn't",
  "owner ?? \"nobody\"": "nobody",
  "blocked == false": true,
  "tries + 1": 1,
  JSON: JSON.stringify(value),
});
assert.deepEqual(told(read), {
  "if (blocked)": "runs",
  "if (tries)": "runs",
  "if (name)": "runs",
  "owner ?? \"nobody\"": "an object",
  "blocked == false": true,
  "tries + 1": 1,
  JSON: JSON.stringify(value),
});
assert.equal(read.get("blocked").booleanValue(), false);
assert.equal(read.get("owner").isNull(), true);
JS
node probe.mjs
