#!/usr/bin/env bash
# Subject: conditional writes on the local server of @netlify/blobs, which `netlify dev` and tests use.
# Version: @netlify/blobs 10.7.13, Node 20 or later.
# A good guess: of several writes at once with `onlyIfNew`, or with `onlyIfMatch` of one ETag, one is
#   made, as one after another; and a read says the ETag that the next write has to name.
# What happens: one after another they are right. At once all win: two writers of one new key are both
#   told `modified: true`, and so are sixteen. `getMetadata` and `getWithMetadata` have no ETag; only the
#   write's own answer and `list` have it.
# Why it matters: a lock that is a blob has several holders in the test, and "read, change, write if it
#   is the same" has nothing to name: right code fails there, and the code that is bent until it passes
#   is the one that is deployed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @netlify/blobs@10.7.13

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { getStore } from "@netlify/blobs";
import { BlobsServer } from "@netlify/blobs/server";

const server = new BlobsServer({ directory: "blobs", token: "token", port: 0 });
const { port } = await server.start();
const store = getStore({
  name: "locks",
  edgeURL: `http://127.0.0.1:${port}`,
  token: "token",
  siteID: "site",
});
async function winnersAtOnce(key, writers, condition) {
  const tries = Array.from({ length: writers }, (_, index) => store.set(key, `writer ${index}`, condition));
  return (await Promise.all(tries)).filter(({ modified }) => modified).length;
}

const first = await store.set("row", "first", { onlyIfNew: true });
const again = await store.set("row", "again", { onlyIfNew: true });
const second = await store.set("row", "second", { onlyIfMatch: first.etag });
const late = await store.set("row", "late", { onlyIfMatch: first.etag });
const inTurn = [first, again, second, late].map(({ modified }) => modified);

const rounds = Array.from({ length: 10 }, (_, index) => `pair ${index}`);
const pairs = [];
for (const key of rounds) pairs.push(await winnersAtOnce(key, 2, { onlyIfNew: true }));
const sixteen = await winnersAtOnce("row", 16, { onlyIfMatch: second.etag });
const { etag } = await store.getWithMetadata("row");

console.log({ inTurn, "winners of two": pairs, "winners of sixteen": sixteen, "ETag of a read": etag });
assert.deepEqual(inTurn, [true, false, true, false]);
assert.ok(pairs.some((winners) => winners === 2));
assert.ok(sixteen > 1);
assert.equal(etag, undefined);
assert.equal((await store.getMetadata("row")).etag, undefined);
await server.stop();
process.exit(0);
JS
node probe.mjs
