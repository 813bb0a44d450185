#!/usr/bin/env bash
# Subject: libraries that make a cache's key of any value: hash-it, hash-sum, node-object-hash.
# Versions: hash-it 7.0.2, hash-sum 2.0.0, node-object-hash 3.1.1, beside ohash 2.0.12 and object-hash
#   3.0.0, Node 20 or later. All with their defaults.
# A good guess: two values that differ have keys that differ, or the value is refused.
# What happens: in hash-it all URLs have one key, all URLSearchParams and all FormData too. In hash-sum
#   so have all Maps, all Sets and all ArrayBuffers, whatever is in them. In node-object-hash `[1, 2]`
#   and `[2, 1]` do, 1 and "1", null and undefined, `["a,b"]` and `["a", "b"]`. ohash and object-hash
#   tell all of these apart, or throw.
# Why it matters: the second caller gets the first one's value, for another URL, another filter or
#   another order of sorting, and no error says so. Make the key of texts and numbers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts hash-it@7.0.2 hash-sum@2.0.0 \
  node-object-hash@3.1.1 ohash@2.0.12 object-hash@3.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as hashIt from "hash-it";
import hashSum from "hash-sum";
import nodeObjectHash from "node-object-hash";
import objectHash from "object-hash";
import { hash } from "ohash";

const form = (value) => {
  const data = new FormData();
  data.set("field", value);
  return data;
};
const pairs = {
  "two URLs": [new URL("https://example.com/1"), new URL("https://example.com/2")],
  "two URLSearchParams": [new URLSearchParams("page=1"), new URLSearchParams("page=2")],
  "two FormData": [form("1"), form("2")],
  "two Maps": [new Map([["page", 1]]), new Map([["page", 2]])],
  "two Sets": [new Set([1]), new Set([2])],
  "two ArrayBuffers": [Uint8Array.of(1).buffer, Uint8Array.of(2).buffer],
  "[1, 2], [2, 1]": [[1, 2], [2, 1]],
  '["a,b"], ["a", "b"]': [["a,b"], ["a", "b"]],
  '1, "1"': [1, "1"],
  "null, undefined": [{ page: null }, { page: undefined }],
};
const hashers = {
  "hash-it": hashIt.hash ?? hashIt.default,
  "hash-sum": hashSum,
  "node-object-hash": (value) => nodeObjectHash.hasher().hash(value),
  ohash: hash,
  "object-hash": objectHash,
};
const rows = {};
for (const [name, [one, two]] of Object.entries(pairs)) {
  rows[name] = {};
  for (const [library, of] of Object.entries(hashers)) {
    try {
      rows[name][library] = of(one) === of(two) ? "SAME" : "differ";
    } catch {
      rows[name][library] = "throws";
    }
  }
}
console.table(rows);
const same = (library) => Object.keys(rows).filter((name) => rows[name][library] === "SAME");
assert.deepEqual(same("hash-it"), ["two URLs", "two URLSearchParams", "two FormData"]);
for (const name of ["two Maps", "two Sets", "two ArrayBuffers"]) assert.ok(same("hash-sum").includes(name));
for (const name of ["[1, 2], [2, 1]", '["a,b"], ["a", "b"]', '1, "1"', "null, undefined"]) {
  assert.ok(same("node-object-hash").includes(name));
}
assert.deepEqual([...same("ohash"), ...same("object-hash")], []);
JS
node probe.mjs
