#!/usr/bin/env bash
# Subject: TanStack Pacer's AsyncBatcher: what `addItem` tells the callers of one batch.
# Version: @tanstack/pacer 0.22.0, Node 20 or later.
# A good guess: as its types say, `addItem` resolves with the result of the batch function and rejects
#   with its error, for each item of the batch.
# What happens: only for the item that filled the batch. All others resolve with undefined, when the
#   batch succeeds and also when it fails.
# Why it matters: of a hundred writes in a batch that failed ninety-nine callers are told that all is
#   well, and go on. Keep a promise of one's own per item, and settle it in the batch function.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @tanstack/pacer@0.22.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { AsyncBatcher } from "@tanstack/pacer";

async function told(write) {
  const batches = [];
  const batcher = new AsyncBatcher(
    async (items) => {
      batches.push(items.length);
      return await write(items);
    },
    { maxSize: 3, wait: 60_000 },
  );
  const outcomes = await Promise.allSettled(["a", "b", "c"].map((item) => batcher.addItem(item)));
  assert.deepEqual(batches, [3]);
  return outcomes.map(({ status, value, reason }) => status === "rejected" ? reason.message : value ?? "undefined");
}

const seen = {
  "it succeeds": await told(async (items) => `${items.length} written`),
  "it fails": await told(async () => {
    throw new Error("the database is down");
  }),
};
console.log("what the three callers of one batch are told:", seen);
assert.deepEqual(seen, {
  "it succeeds": ["undefined", "undefined", "3 written"],
  "it fails": ["undefined", "undefined", "the database is down"],
});
process.exit(0);
JS
node probe.mjs
