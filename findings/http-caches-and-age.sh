#!/usr/bin/env bash
# Subject: the `Age` header, which a CDN or a proxy adds to an answer that it has kept for a while, in
#   three HTTP caches.
# Versions: make-fetch-happen 15.0.6 (npm's own), CacheControl 0.14.4 and requests-cache 1.3.3 with
#   `cache_control=True` (PyPI, requests 2.34.2), beside undici 7.30.2 and got 14.6.6; Node 20 or later.
# A good guess: an answer with `max-age=60` and `Age: 100` is stale when it comes, as RFC 9111 says, and is
#   fetched or revalidated the next time.
# What happens: the three take it for fresh and serve it for the whole `max-age` from its arrival. undici and
#   got fetch it again.
# Why it matters: behind a CDN nearly each answer has an `Age`. What may be a minute old is two minutes old,
#   and with two such caches in a row three; the CDN's page is new while the program still has the old.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts make-fetch-happen@15.0.6 undici@7.30.2 got@14.6.6
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python CacheControl==0.14.4 requests-cache==1.3.3 requests==2.34.2

cat > probe.py <<'PY'
import json
import sys

import requests
from cachecontrol import CacheControl
from requests_cache import CachedSession

sessions = {
    "CacheControl": CacheControl(requests.Session()),
    "requests-cache": CachedSession(backend="memory", cache_control=True),
}
for name, session in sessions.items():
    for kind in ("new", "aged"):
        for _ in range(2):
            session.get(f"{sys.argv[1]}/{kind}/{name}")
PY
cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import got from "got";
import makeFetchHappen from "make-fetch-happen";
import { Agent, interceptors, request } from "undici";

const requests = {};
const server = createServer(({ url }, response) => {
  requests[url] = (requests[url] ?? 0) + 1;
  response.setHeader("cache-control", "max-age=60");
  if (url.startsWith("/aged")) response.setHeader("age", "100");
  response.end("answer");
}).listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${server.address().port}`;

const dispatcher = new Agent().compose(interceptors.cache());
const fetch = makeFetchHappen.defaults({ cachePath: "cache" });
const cache = new Map();
const clients = {
  undici: async (url) => (await request(url, { dispatcher })).body.text(),
  got: (url) => got(url, { cache }).text(),
  "make-fetch-happen": async (url) => (await fetch(url)).text(),
};
for (const [name, get] of Object.entries(clients)) {
  for (const kind of ["new", "new", "aged", "aged"]) {
    await get(`${origin}/${kind}/${name}`);
    await pause(50);
  }
}
const environment = { ...process.env, PYTHONPATH: "python" };
await promisify(execFile)("python3", ["probe.py", origin], { env: environment });
const seen = {};
for (const name of [...Object.keys(clients), "CacheControl", "requests-cache"]) {
  seen[name] = { new: requests[`/new/${name}`], "with Age: 100": requests[`/aged/${name}`] };
}
console.log("requests to the source, of two calls each:");
console.table(seen);
assert.deepEqual(seen, {
  undici: { new: 1, "with Age: 100": 2 },
  got: { new: 1, "with Age: 100": 2 },
  "make-fetch-happen": { new: 1, "with Age: 100": 1 },
  CacheControl: { new: 1, "with Age: 100": 1 },
  "requests-cache": { new: 1, "with Age: 100": 1 },
});
process.exit(0);
JS
node probe.mjs
