#!/usr/bin/env bash
# Subject: memoizers, and an argument with a default: `(id, language = "en") => …`.
# Versions: memoizee 0.4.17, fast-memoize 2.5.2, nano-memoize 3.0.16, @formatjs/fast-memoize 3.1.7, beside
#   moize 6.1.7 and micro-memoize 5.2.0 (with room for 100), Node 20 or later.
# A good guess: a call's key is the arguments that it was called with.
# What happens: it is as many of them as `function.length` says, and that ends before the first argument
#   with a default or a rest. `load(1, "de")` after `load(1)` returns the English one. memoizee's key of
#   `(id = 0) => …` is empty: each id returns the first one's value. fast-memoize, @formatjs/fast-memoize
#   and nano-memoize don't even hand the second argument over: `load(2, "de")` loads the English one.
#   moize and micro-memoize do as guessed.
# Why it matters: an option that is added to a memoized function as its last argument, with a default so
#   that old calls still work, is ignored, and the wrong row, language or tenant is kept. Compiled to
#   ES5 the same function behaves otherwise. Give memoizee `length: false`, or make one key of them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts memoizee@0.4.17 fast-memoize@2.5.2 \
  nano-memoize@3.0.16 @formatjs/fast-memoize@3.1.7 moize@6.1.7 micro-memoize@5.2.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as formatjs from "@formatjs/fast-memoize";
import fastMemoize from "fast-memoize";
import memoizee from "memoizee";
import { memoize as microMemoize } from "micro-memoize";
import * as moize from "moize";
import nanoMemoize from "nano-memoize";

const libraries = {
  memoizee,
  "fast-memoize": fastMemoize,
  "@formatjs/fast-memoize": formatjs.memoize,
  "nano-memoize": nanoMemoize.nanomemoize,
  moize: (load) => (moize.default.default ?? moize.default)(load, { maxSize: 100 }),
  "micro-memoize": (load) => microMemoize(load, { maxSize: 100 }),
};
const rows = {};
for (const [name, memoize] of Object.entries(libraries)) {
  const page = memoize((id, language = "en") => `${id} ${language}`);
  const row = memoize((id = 0) => `row ${id}`);
  rows[name] = {
    "load(1)": page(1),
    'load(1, "de")': page(1, "de"),
    'load(2, "de")': page(2, "de"),
    "row(1)": row(1),
    "row(2)": row(2),
  };
}
console.table(rows);
const right = ["1 en", "1 de", "2 de", "row 1", "row 2"];
const seen = Object.values(rows).map((row) => Object.values(row));
assert.deepEqual(seen, [
  ["1 en", "1 en", "2 de", "row 1", "row 1"],
  ["1 en", "1 en", "2 en", "row 1", "row 2"],
  ["1 en", "1 en", "2 en", "row 1", "row 2"],
  ["1 en", "1 en", "2 en", "row 1", "row 2"],
  right,
  right,
]);
JS
node probe.mjs
