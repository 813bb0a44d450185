#!/usr/bin/env bash
# Subject: the Cache API of Workers (`caches.default`) on Cloudflare's local runtime: answers past their
#   `max-age`, and `Vary`.
# Version: miniflare 4.20260730.0 (with its workerd), Node 20 or later.
# A good guess: as Cloudflare's documentation says, `match` supports neither `stale-while-revalidate` nor
#   `stale-if-error`: after `max-age` there is no answer. `Vary` is heeded, or `put` refuses it.
# What happens: locally both prolong it: an answer with `max-age=1, stale-if-error=60` is returned as a HIT
#   for 61 s, with `Age: 0`, and nobody revalidates it. An answer that varies by a header is returned
#   for any value of it.
# Why it matters: a Worker that relies on `match` for stale answers works in all local tests, and asks its
#   source at each expiry, and while that is down, on the network. Keep the end in a header of
#   the answer's own, and a `max-age` that is long enough.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts miniflare@4.20260730.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Miniflare } from "miniflare";

const script = `
const controls = {
  "max-age=1": "max-age=1",
  "with stale-while-revalidate": "max-age=1, stale-while-revalidate=60",
  "with stale-if-error": "max-age=1, stale-if-error=60",
};
const url = (name) => "https://example.com/" + encodeURIComponent(name);

export default {
  async fetch() {
    const cache = caches.default;
    const seen = {};
    for (const [name, control] of Object.entries(controls)) {
      await cache.put(url(name), new Response("answer", { headers: { "cache-control": control } }));
    }
    await new Promise((resolve) => setTimeout(resolve, 3000));
    for (const name of Object.keys(controls)) {
      const found = await cache.match(url(name));
      seen[name] = found ? [found.headers.get("cf-cache-status"), found.headers.get("age")] : "none";
    }
    const request = (language) => new Request(url("vary"), { headers: { "accept-language": language } });
    const headers = { "cache-control": "max-age=60", vary: "accept-language" };
    await cache.put(request("de"), new Response("Deutsch", { headers }));
    const found = await cache.match(request("en"));
    seen["in English, of an answer that varies"] = found ? await found.text() : "none";
    return Response.json(seen);
  },
};`;
const miniflare = new Miniflare({ modules: true, compatibilityDate: "2026-07-01", cache: true, script });
const seen = await (await miniflare.dispatchFetch("http://localhost/")).json();
await miniflare.dispose();
console.log("three seconds after the put:", seen);
assert.deepEqual(seen, {
  "max-age=1": "none",
  "with stale-while-revalidate": ["HIT", "0"],
  "with stale-if-error": ["HIT", "0"],
  "in English, of an answer that varies": "Deutsch",
});
JS
node probe.mjs
