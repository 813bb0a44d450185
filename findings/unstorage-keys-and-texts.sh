#!/usr/bin/env bash
# Subject: unstorage, the key-value store of Nitro and Nuxt, which caches are built on.
# Version: unstorage 1.17.6, in memory, Node 20 or later.
# A good guess: keys that differ are entries that differ; a text is read as the text that was
#   written; `clear(base)` removes what lies under that base.
# What happens: all after a `?` is cut off the key, so `/products?page=1` and `?page=2` are one entry. A
#   text that looks like JSON is read as what it says: "123" is a number, "true" a boolean, '{"a":1}'
#   an object. `clear("user")` and `prefixStorage(storage, "user").clear()` remove nothing and report
#   nothing, unless "user" is a mount point.
# Why it matters: a URL is a common key of a cache. Here all searches and all pages of a list share
#   one entry. And a cache that empties a part of itself by a prefix goes on serving the old values.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts unstorage@1.17.6

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createStorage, prefixStorage } from "unstorage";

const storage = createStorage();
await storage.setItem("/products?page=1", "first page");
await storage.setItem("/products?page=2", "second page");
const keys = {
  "/products?page=1": await storage.getItem("/products?page=1"),
  "all keys": await storage.getKeys(),
};
console.log("keys:", keys);
assert.deepEqual(keys, { "/products?page=1": "second page", "all keys": ["products"] });

const texts = {};
for (const text of ["123", "1e3", "true", "null", '{"a":1}', "007"]) {
  await storage.setItem("text", text);
  texts[text] = await storage.getItem("text");
}
console.log("texts, as they are read:", texts);
assert.deepEqual(texts, {
  "123": 123,
  "1e3": 1000,
  "true": true,
  "null": null,
  '{"a":1}': { a: 1 },
  "007": "007",
});

const users = createStorage();
await users.setItem("user:1", "Ada");
await users.clear("user");
await prefixStorage(users, "user").clear();
const left = await users.getKeys("user");
console.log("after clear:", left);
assert.deepEqual(left, ["user:1"]);
JS
node probe.mjs
