#!/usr/bin/env bash
# Subject: the `id` of a cached query in TypeORM.
# Version: typeorm 1.1.1 with sql.js 1.17.0, Node 20 or later.
# A good guess: `cache: { id: "user", milliseconds: 60_000 }` names the cached results, so that
#   `queryResultCache.remove(["user"])` removes them. What is cached is still per query and its
#   parameters, as without an id.
# What happens: the id is the whole key. After `findOne` of user 1 the same call for user 2 returns
#   user 1, and so does a query by another column with that id. Without an id each has its own
#   result.
# Why it matters: an id beside the milliseconds, added so that a write can remove the result, makes
#   one user see another's row. Put the parameters into the id.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts typeorm@1.1.1 sql.js@1.17.0 \
  reflect-metadata@0.2.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import "reflect-metadata";
import { DataSource, EntitySchema } from "typeorm";

const source = new DataSource({
  type: "sqljs",
  cache: true,
  synchronize: true,
  entities: [
    new EntitySchema({
      name: "user",
      columns: { id: { type: Number, primary: true }, name: { type: String } },
    }),
  ],
});
await source.initialize();
const users = source.getRepository("user");
await users.save([{ id: 1, name: "Ada" }, { id: 2, name: "Grace" }]);

const name = async (where, cache) => (await users.findOne({ where, cache }))?.name;
const cache = { id: "user", milliseconds: 60_000 };
const seen = {
  "without id": [await name({ id: 1 }, 60_000), await name({ id: 2 }, 60_000)],
  "with id": [await name({ id: 1 }, cache), await name({ id: 2 }, cache)],
  "with id, by name": await name({ name: "Grace" }, cache),
};
await source.queryResultCache.remove(["user"]);
seen["after remove"] = await name({ id: 2 }, cache);
console.log(seen);
assert.deepEqual(seen, {
  "without id": ["Ada", "Grace"],
  "with id": ["Ada", "Ada"],
  "with id, by name": "Ada",
  "after remove": "Grace",
});
JS
node probe.mjs
