#!/usr/bin/env bash
# Subject: node-fetch-cache: a request's headers as a part of its key.
# Version: node-fetch-cache 5.1.0, Node 20 or later.
# A good guess: two requests whose headers differ have entries of their own, however the headers are given;
#   a failure isn't kept.
# What happens: so it is with headers in an object. Given as `new Headers(…)` they aren't a part of the
#   key: who asks for English gets the German answer that is there. An answer of 500 is kept as well,
#   unless `shouldCacheResponse` is set, and served after the source is well again.
# Why it matters: code that builds its headers by `Headers`, as a wrapper that adds one does, serves one
#   language or one version of an API to all, and the same call with an object doesn't.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-fetch-cache@5.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import NodeFetchCache, { MemoryCache } from "node-fetch-cache";

let failed = false;
const server = createServer((request, response) => {
  if (request.url === "/fails-once" && !failed) {
    failed = true;
    response.statusCode = 500;
  }
  response.end(request.headers["accept-language"]);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const cached = NodeFetchCache.create({ cache: new MemoryCache({ ttl: 60_000 }) });
const get = (path, options) => cached(`http://127.0.0.1:${server.address().port}${path}`, options);

async function languages(path, headers) {
  const texts = [];
  for (const language of ["de", "en"]) {
    texts.push(await (await get(path, { headers: headers({ "accept-language": language }) })).text());
  }
  return texts;
}
const seen = {
  "headers in an object": await languages("/object", (headers) => headers),
  "headers in Headers": await languages("/headers", (headers) => new Headers(headers)),
  "a source that fails once": [(await get("/fails-once")).status, (await get("/fails-once")).status],
};
console.log(seen);
assert.deepEqual(seen, {
  "headers in an object": ["de", "en"],
  "headers in Headers": ["de", "de"],
  "a source that fails once": [500, 500],
});
process.exit(0);
JS
node probe.mjs
