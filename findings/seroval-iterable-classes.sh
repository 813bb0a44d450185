#!/usr/bin/env bash
# Subject: seroval as a cache's codec: instances of classes.
# Version: seroval 1.8.2, Node 20 or later.
# A good guess: as its page says, it writes what it knows and throws for the rest, such as an instance of
#   a class, for which it has plugins.
# What happens: it throws for a class, unless the class can be iterated. Then it writes what the iterator
#   gives: URLSearchParams, Headers, FormData and a collection of one's own are read as an object
#   without a prototype that has an iterator and none of the methods. A URL throws.
# Why it matters: the one who fetched calls `headers.get(…)`, and who reads it from the cache gets "is
#   not a function", in another place and later. Write `[...headers]`, or pass the plugins.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts seroval@1.8.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { deserialize, fromJSON, serialize, toJSON } from "seroval";

class User {
  name = "Ada";
}
class Users {
  #users = ["Ada"];
  first() {
    return this.#users[0];
  }
  [Symbol.iterator]() {
    return this.#users.values();
  }
}
const form = new FormData();
form.set("a", "1");
const values = {
  URL: new URL("https://example.com/"),
  User: new User(),
  URLSearchParams: new URLSearchParams("a=1"),
  Headers: new Headers({ a: "1" }),
  FormData: form,
  "Users, iterable": new Users(),
};
const codecs = {
  "serialize, deserialize": (value) => deserialize(serialize(value)),
  "toJSON, fromJSON": (value) => fromJSON(JSON.parse(JSON.stringify(toJSON(value)))),
};
const seen = {};
for (const [name, value] of Object.entries(values)) {
  seen[name] = Object.entries(codecs).map(([, copy]) => {
    try {
      const read = copy(value);
      const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(value));
      const method = methods.find((key) => key !== "constructor" && key in read);
      return `read as ${JSON.stringify([...read])}, methods: ${method ?? "none"}`;
    } catch {
      return "throws";
    }
  });
}
console.table(seen);
const pair = 'read as [["a","1"]], methods: none';
assert.deepEqual(Object.values(seen), [
  ["throws", "throws"],
  ["throws", "throws"],
  [pair, pair],
  [pair, pair],
  [pair, pair],
  ['read as ["Ada"], methods: none', 'read as ["Ada"], methods: none'],
]);
JS
node probe.mjs
