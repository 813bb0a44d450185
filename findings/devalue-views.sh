#!/usr/bin/env bash
# Subject: devalue as a cache's codec: typed arrays that are views of a larger buffer.
# Versions: devalue 6.0.3 beside superjson 2.2.7, Node 20 or later.
# A good guess: four bytes are written as about four bytes, whatever buffer they are a part of.
# What happens: the whole underlying buffer is written, and the view's place in it. Four bytes cut
#   from a megabyte are 1.3 MB of text, and the reader gets the megabyte back behind its four bytes.
# Why it matters: a parser's `subarray` of what came from the network fills the cache with the whole
#   message, for each part once more, and passes the server's limit of an entry's size. Copy first:
#   `bytes.slice()`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts superjson@2.2.7 devalue@6.0.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as devalue from "devalue";
import superjson from "superjson";

const message = new Uint8Array(1_000_000).fill(7);
const part = message.subarray(10, 14);
const text = devalue.stringify(part);
const read = devalue.parse(text);
const seen = {
  "bytes in the view": part.byteLength,
  "characters by devalue": text.length,
  "bytes behind the view that is read": read.buffer.byteLength,
  "characters by devalue, of a copy": devalue.stringify(part.slice()).length,
  "characters by superjson": superjson.stringify(part).length,
};
console.log(seen);
assert.deepEqual([...read], [7, 7, 7, 7]);
assert.ok(seen["characters by devalue"] > 1_333_000 && seen["characters by devalue"] < 1_334_000);
assert.equal(seen["bytes behind the view that is read"], 1_000_000);
assert.ok(seen["characters by devalue, of a copy"] < 100);
assert.ok(seen["characters by superjson"] < 100);
JS
node probe.mjs
