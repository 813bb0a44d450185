#!/usr/bin/env bash
# Subject: lmdb (lmdb-js) with `cache: true`, and a transaction that is rolled back.
# Version: lmdb 3.5.6, Node 20 or later.
# A good guess: after a `transactionSync` that threw, or returned `ABORT`, `get` reads what is stored,
#   with the cache as without it.
# What happens: the transaction is rolled back on the disk, and its writes stay in the cache. `get`
#   returns the value that was never stored, and one of a key that isn't there at all. Another
#   process, and this one after its restart, reads the old value.
# Why it matters: the program goes on with the state that it has just refused, writes what follows from
#   it, and says something else after the restart. Write after the checks, or leave the cache off
#   where transactions may fail.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts lmdb@3.5.6

cat > look.mjs <<'JS'
import { open } from "lmdb";

const database = open({ path: process.argv[2] });
console.log(JSON.stringify([database.get("stock") ?? "none", database.get("order") ?? "none"]));
await database.close();
JS

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { ABORT, open } from "lmdb";

async function rolledBack(cache, end) {
  const path = `data-${cache}-${end.name}`;
  const database = open({ path, cache });
  await database.put("stock", 5);
  try {
    database.transactionSync(() => {
      database.put("stock", -1);
      database.put("order", "placed");
      return end();
    });
  } catch (error) {
    assert.equal(error.message, "not enough");
  }
  const here = [database.get("stock") ?? "none", database.get("order") ?? "none"];
  await database.flushed;
  const elsewhere = JSON.parse(execFileSync(process.execPath, ["look.mjs", path], { encoding: "utf8" }));
  await database.close();
  return { here, elsewhere };
}

const throws = () => {
  throw new Error("not enough");
};
const aborts = () => ABORT;
const seen = {
  "without a cache, it throws": await rolledBack(false, throws),
  "without a cache, it aborts": await rolledBack(false, aborts),
  "with a cache, it throws": await rolledBack(true, throws),
  "with a cache, it aborts": await rolledBack(true, aborts),
};
console.log("stock and order after the rollback:", seen);
const stored = [5, "none"];
const right = { here: stored, elsewhere: stored };
const wrong = { here: [-1, "placed"], elsewhere: stored };
assert.deepEqual(seen, {
  "without a cache, it throws": right,
  "without a cache, it aborts": right,
  "with a cache, it throws": wrong,
  "with a cache, it aborts": wrong,
});
JS
node probe.mjs
