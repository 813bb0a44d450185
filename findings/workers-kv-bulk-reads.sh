#!/usr/bin/env bash
# Subject: Workers KV, on Cloudflare's local runtime: many keys read by one `get`, beside one by one.
# Version: miniflare 4.20260730.0 (with its workerd), Node 20 or later.
# A good guess: what a key reads in a bulk is what it reads alone: a value, null, or its own error.
# What happens: with "json" one value that is no JSON rejects the read of all keys, and the message
#   doesn't say which it was. `getWithMetadata` of a key that isn't there is
#   `{ value: null, metadata: null, … }` alone, and null in a bulk, so `.value` of it raises.
#   "arrayBuffer" is refused.
# Why it matters: one entry of an older format makes a page's whole batch a failure until it expires,
#   and nothing tells which one to delete. Read as text and parse each one, or read one by one after an
#   error.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts miniflare@4.20260730.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Miniflare } from "miniflare";

const runtime = new Miniflare({
  modules: true,
  compatibilityDate: "2026-07-01",
  kvNamespaces: ["KV"],
  script: `
    const outcome = (read) => read.then((found) => ({ found }), ({ message }) => ({ error: message }));
    const bulk = async (read) => {
      const { found, error } = await outcome(read);
      return error ? { error } : { found: Object.fromEntries(found) };
    };
    export default {
      async fetch(request, { KV }) {
        await KV.put("good", '{"name":"Ada"}');
        await KV.put("older", "name=Ada");
        const { cacheStatus, ...missing } = await KV.getWithMetadata("missing");
        return Response.json({
          alone: { good: await outcome(KV.get("good", "json")), older: await outcome(KV.get("older", "json")) },
          together: await bulk(KV.get(["good", "older"], "json")),
          asText: await bulk(KV.get(["good", "older"])),
          asBytes: await bulk(KV.get(["good"], "arrayBuffer")),
          missingAlone: missing,
          missingTogether: (await KV.getWithMetadata(["missing"])).get("missing"),
        });
      },
    };`,
});
const seen = await (await runtime.dispatchFetch("http://localhost/")).json();
await runtime.dispose();
console.log(seen);

assert.deepEqual(seen.alone.good, { found: { name: "Ada" } });
assert.ok(seen.alone.older.error);
assert.match(seen.together.error, /at least one of the requested keys/i);
assert.doesNotMatch(seen.together.error, /older/);
assert.deepEqual(seen.asText, { found: { good: '{"name":"Ada"}', older: "name=Ada" } });
assert.ok(seen.asBytes.error);
assert.deepEqual(seen.missingAlone, { value: null, metadata: null });
assert.equal(seen.missingTogether, null);
JS
node probe.mjs
