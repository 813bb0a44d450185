#!/usr/bin/env bash
# Subject: apicache, a cache of answers for Express, on all routes (`app.use(cache("1 minute"))`).
# Versions: apicache 1.6.3, express 5.3.0, Node 20 or later.
# A good guess: it caches what may be cached: GET, perhaps HEAD. A POST or a DELETE goes to its handler.
# What happens: the key is the URL alone. After a GET a POST, PUT or DELETE of the same URL within the
#   minute is answered with the GET's body and status, and its handler doesn't run. Of two POSTs with
#   different bodies only the first one is carried out, and both get its answer.
# Why it matters: a write is told "200" and never made, as often as someone has just read the page. Put
#   the middleware on the GET routes alone, or pass `(request) => request.method === "GET"` as well.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts apicache@1.6.3 express@5.3.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import apicache from "apicache";
import express from "express";

const handled = [];
const app = express();
app.use(apicache.middleware("1 minute"));
app.use(express.text());
app.all(/.*/, (request, response) => {
  handled.push(`${request.method} ${request.url}`);
  const done = `${request.method} ${request.body ?? ""}`.trim();
  response.status(request.method === "GET" ? 200 : 201).json({ done });
});
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");

async function send(method, path, body) {
  const headers = { "content-type": "text/plain" };
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { method, headers, body });
  return `${response.status} ${(await response.json()).done}`;
}
const seen = {
  "GET /user": await send("GET", "/user"),
  "then POST /user": await send("POST", "/user", "a new name"),
  "then DELETE /user": await send("DELETE", "/user"),
  "POST /order, one": await send("POST", "/order", "one"),
  "POST /order, two": await send("POST", "/order", "two"),
};
console.log(seen, { handled });
assert.deepEqual(seen, {
  "GET /user": "200 GET",
  "then POST /user": "200 GET",
  "then DELETE /user": "200 GET",
  "POST /order, one": "201 POST one",
  "POST /order, two": "201 POST one",
});
assert.deepEqual(handled, ["GET /user", "POST /order"]);
process.exit(0);
JS
node probe.mjs
