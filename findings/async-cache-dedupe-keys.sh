#!/usr/bin/env bash
# Subject: async-cache-dedupe, which keys a call by its argument.
# Version: async-cache-dedupe 3.4.0, Node 20 or later.
# A good guess: arguments of different types have entries of their own.
# What happens: a text is its own key, and any other argument's key is its JSON. So 1 and "1" share an
#   entry, and [2] and "[2]" too. The second caller gets the first one's value, of another type.
# Why it matters: an id that comes as a number from the database and as a text from a URL gets
#   whichever answer came first, and nothing is reported. Give a key of your own (`serialize`).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts async-cache-dedupe@3.4.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createCache } from "async-cache-dedupe";

const cache = createCache({ ttl: 60, storage: { type: "memory" } });
cache.define("echo", async (argument) => argument);

/** What the second caller gets, who asks for something else than the first. */
async function second(ask, first, other) {
  await ask(first);
  return await ask(other);
}

const dedupe = {
  'the text "1", after the number 1': await second(cache.echo, 1, "1"),
  'the text "[2]", after the array [2]': await second(cache.echo, [2], "[2]"),
};
console.log("async-cache-dedupe:", dedupe);
assert.deepEqual(Object.values(dedupe), [1, [2]]);

const own = createCache({ ttl: 60, storage: { type: "memory" } });
own.define("echo", { serialize: (argument) => `${typeof argument}:${argument}` }, async (argument) => argument);
const mended = await second(own.echo, 1, "1");
console.log("with a `serialize` that tells the type:", [mended]);
assert.equal(mended, "1");
JS
node probe.mjs
