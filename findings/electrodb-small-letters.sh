#!/usr/bin/env bash
# Subject: ElectroDB, a layer over DynamoDB: keys with capitals.
# Versions: electrodb 3.9.3, @aws-sdk/client-dynamodb 3.1169.0; dynalite 4.0.0 as the server, Node 20 or
#   later.
# A good guess: `Xy7` and `xY7` are two ids, as they are in DynamoDB, so they are two items.
# What happens: keys are written in small letters by default (`casing`), and the attribute as it is given.
#   `put` of the second overwrites the first, `create` says that it is there already, and `get` of the
#   first returns the second's item, with the second's id in it.
# Why it matters: nanoids, base64, YouTube's and Stripe's ids differ by case alone now and then. One user's
#   item takes another's place, rarely, and in no test. Set `casing: "none"` for each key from the
#   start: later it changes where each item is looked for.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts electrodb@3.9.3 \
  @aws-sdk/client-dynamodb@3.1169.0 dynalite@4.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { Entity } from "electrodb";

const server = dynalite({ createTableMs: 0 });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = new DynamoDBClient({
  region: "us-east-1",
  credentials: { accessKeyId: "id", secretAccessKey: "key" },
  endpoint: `http://127.0.0.1:${server.address().port}`,
});
const table = "users";
await client.send(
  new CreateTableCommand({
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }],
    AttributeDefinitions: ["pk", "sk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
  }),
);
await new Promise((resolve) => setTimeout(resolve, 200));

async function twoUsers(entity, casing) {
  const users = new Entity({
    model: { entity, version: "1", service: "app" },
    attributes: { id: { type: "string" }, name: { type: "string" } },
    indexes: {
      primary: { pk: { field: "pk", composite: ["id"], casing }, sk: { field: "sk", composite: [] } },
    },
  }, { client, table });
  await users.put({ id: "Xy7", name: "Ada" }).go();
  const grace = { id: "xY7", name: "Grace" };
  const created = await users.create(grace).go().then(() => "created", () => "refused");
  await users.put(grace).go();
  return { created, Xy7: (await users.get({ id: "Xy7" }).go()).data };
}
const seen = {
  "by default": await twoUsers("one", undefined),
  'casing: "none"': await twoUsers("two", "none"),
};
console.log(seen);
assert.deepEqual(seen, {
  "by default": { created: "refused", Xy7: { id: "xY7", name: "Grace" } },
  'casing: "none"': { created: "created", Xy7: { id: "Xy7", name: "Ada" } },
});
client.destroy();
server.close();
JS
NODE_NO_WARNINGS=1 node probe.mjs
