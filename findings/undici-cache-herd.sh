#!/usr/bin/env bash
# Subject: undici's cache interceptor, the HTTP cache for Node's own fetch.
# Version: undici 7.30.2, Node 20 or later.
# A good guess: equal requests at once are one request to the source, at the latest where the answer
#   says `stale-while-revalidate`: all get the old answer, and one revalidates.
# What happens: twenty equal requests of a cold URL are twenty requests to the source. With
#   stale-while-revalidate all twenty get the old answer at once, and each sends a revalidation of its
#   own.
# Why it matters: the source is hit as hard as without a cache at the two moments when a cache should
#   protect it. Put a coalescing cache before it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts undici@7.30.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Agent, cacheStores, interceptors, request } from "undici";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let requests = 0;
const source = createServer(async (_request, response) => {
  requests += 1;
  const version = generation;
  await pause(100);
  response.writeHead(200, {
    "cache-control": "public, max-age=3, stale-while-revalidate=60",
    "content-type": "text/plain",
  });
  response.end(version);
});
let generation = "old";
await new Promise((resolve) => source.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${source.address().port}/`;
const store = new cacheStores.MemoryCacheStore();
const dispatcher = new Agent().compose(interceptors.cache({ store }));

async function herd() {
  requests = 0;
  const ask = async () => (await request(url, { dispatcher })).body.text();
  const answers = await Promise.all(Array.from({ length: 20 }, ask));
  await pause(400);
  return { requests, answers: [...new Set(answers)].join() };
}

const seen = { cold: await herd() };
seen.fresh = await herd();
await pause(4000);
generation = "new";
seen.stale = await herd();
console.log("twenty callers at once:", seen);
assert.deepEqual(seen, {
  cold: { requests: 20, answers: "old" },
  fresh: { requests: 0, answers: "old" },
  stale: { requests: 20, answers: "old" },
});
process.exit(0);
JS
node probe.mjs
