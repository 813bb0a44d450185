#!/usr/bin/env bash
# Subject: catbox, hapi's cache: a stale value whose source fails, and what memory gives back.
# Versions: @hapi/catbox 12.1.1, @hapi/catbox-memory 6.0.2, Node 20 or later.
# A good guess: with `staleIn` and `staleTimeout` an old value is served while a new one is made, and the more
#   so if none can be made; a cache in memory returns what was stored.
# What happens: it depends on how fast the source fails. Before `staleTimeout` is over, the caller gets the
#   error, though the old value has long to live. After it the caller gets the old value, and the failure then
#   drops it: the next caller gets the error. Memory keeps JSON: who fetched has a Date, the next one a text.
# Why it matters: a source that refuses connections takes every page with it at the first stale read, in
#   spite of hours of old values; a slow one leaves each page one more answer. `dropOnError: false` makes it
#   as guessed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @hapi/catbox@12.1.1 @hapi/catbox-memory@6.0.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { Client, Policy } from "@hapi/catbox";
import { Engine } from "@hapi/catbox-memory";

const client = new Client(Engine);
await client.start();
const seen = {};
for (const [name, failsAfter, options] of [
  ["fails at once", 0, {}],
  ["fails late", 400, {}],
  ["fails at once, dropOnError: false", 0, { dropOnError: false }],
  ["fails late, dropOnError: false", 400, { dropOnError: false }],
]) {
  let away = false;
  const policy = new Policy({
    expiresIn: 60_000,
    staleIn: 300,
    staleTimeout: 150,
    generateTimeout: 2_000,
    generateFunc: async () => {
      if (!away) return { at: new Date(0) };
      await after(failsAfter);
      throw new Error("away");
    },
    ...options,
  }, client, name);
  const read = () => policy.get("page").then(({ at }) => at instanceof Date ? "a Date" : typeof at, (error) => error.message);
  const told = [await read(), await read()];
  await after(350);
  away = true;
  told.push(await read());
  await after(500);
  told.push(await read());
  seen[name] = told;
}
console.log("fetched, read, stale and the source away, later:", seen);
assert.deepEqual(seen, {
  "fails at once": ["a Date", "string", "away", "away"],
  "fails late": ["a Date", "string", "string", "away"],
  "fails at once, dropOnError: false": ["a Date", "string", "string", "string"],
  "fails late, dropOnError: false": ["a Date", "string", "string", "string"],
});
await client.stop();
JS
node probe.mjs
