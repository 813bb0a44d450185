#!/usr/bin/env bash
# Subject: keyv's compressors, one in place of another.
# Versions: keyv 5.6.0, @keyv/compress-brotli 2.0.5, @keyv/compress-gzip 2.0.3, @keyv/compress-lz4
#   1.0.1, Node 20 or later.
# A good guess: they differ in speed and size. What can be stored with one can be with the others, and
#   is read as it was stored.
# What happens: with brotli so it is. gzip and lz4 take texts alone: an object is an error of the
#   compressor's. A Buffer is stored without an error and read as a text, in which bytes that are no
#   UTF-8 are lost; of lz4 a list of numbers too.
# Why it matters: the change from brotli to gzip, for speed, breaks each `set` of an object, and an
#   image or a packed entry is damaged without a word. Write the text oneself
#   (`JSON.stringify`, base64) before a compressor gets it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/compress-brotli@2.0.5 \
  @keyv/compress-gzip@2.0.3 @keyv/compress-lz4@1.0.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { KeyvBrotli } from "@keyv/compress-brotli";
import { KeyvGzip } from "@keyv/compress-gzip";
import { KeyvLz4 } from "@keyv/compress-lz4";
import Keyv from "keyv";

const values = {
  text: "Ada",
  object: { name: "Ada" },
  numbers: [65, 100, 97],
  Buffer: Buffer.from([65, 255]),
};
async function readBack(compression) {
  const cache = new Keyv({ compression });
  const seen = {};
  for (const [key, value] of Object.entries(values)) {
    try {
      await cache.set(key, value);
      const read = await cache.get(key);
      seen[key] = isDeepStrictEqual(read, value) ? "the same" : read;
    } catch {
      seen[key] = "an error";
    }
  }
  return seen;
}

const seen = {
  brotli: await readBack(new KeyvBrotli()),
  gzip: await readBack(new KeyvGzip()),
  lz4: await readBack(new KeyvLz4()),
};
console.log("read back:", seen);
const same = "the same";
assert.deepEqual(seen, {
  brotli: { text: same, object: same, numbers: same, Buffer: same },
  gzip: { text: same, object: "an error", numbers: "an error", Buffer: "A\ufffd" },
  lz4: { text: same, object: "an error", numbers: "Ada", Buffer: "A\ufffd" },
});
JS
node probe.mjs
