#!/usr/bin/env bash
# Subject: dynalite, DynamoDB's stand-in in many tests, and conditions on a list or a map.
# Versions: dynalite 4.0.0, @aws-sdk/client-dynamodb 3.1169.0, Node 20 or later.
# A good guess: `#version = :version` holds if the attribute has just been written with this very
#   value, as DynamoDB's manual says of lists and maps, too: equal if they are deeply equal.
# What happens: it doesn't hold for a list or a map, `<>` does, and `IN` finds none. Of texts, bytes,
#   numbers, booleans, null and sets it is as DynamoDB has it.
# Why it matters: an optimistic write whose version is a map (node and counter, say) is refused for
#   good in tests, and one that must not find the same owner (`<>`) passes there and never on DynamoDB.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  dynalite@4.0.0 @aws-sdk/client-dynamodb@3.1169.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";

const server = dynalite({ createTableMs: 0 });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = new DynamoDBClient({
  region: "us-east-1",
  credentials: { accessKeyId: "id", secretAccessKey: "key" },
  endpoint: `http://127.0.0.1:${server.address().port}`,
});
await client.send(
  new CreateTableCommand({
    TableName: "entries",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
  }),
);

const values = {
  "text": { S: "a" },
  "bytes": { B: Uint8Array.of(1, 2) },
  "number": { N: "1" },
  "boolean": { BOOL: true },
  "null": { NULL: true },
  "set": { SS: ["a", "b"] },
  "list": { L: [{ S: "a" }] },
  "map": { M: { node: { S: "a" }, count: { N: "1" } } },
};
const seen = {};
for (const [key, version] of Object.entries(values)) {
  const Item = { key: { S: key }, version };
  await client.send(new PutItemCommand({ TableName: "entries", Item }));
  const holds = (condition) =>
    client.send(
      new PutItemCommand({
        TableName: "entries",
        Item,
        ConditionExpression: condition,
        ExpressionAttributeNames: { "#version": "version" },
        ExpressionAttributeValues: { ":version": version },
      }),
    ).then(() => true, ({ name }) => {
      assert.equal(name, "ConditionalCheckFailedException");
      return false;
    });
  seen[key] = {
    "=": await holds("#version = :version"),
    "<>": await holds("#version <> :version"),
    "IN": await holds("#version IN (:version)"),
  };
}
console.log("whether a condition holds for the value that is there:");
console.table(seen);
for (const [key, told] of Object.entries(seen)) {
  const isEqual = key !== "list" && key !== "map";
  assert.deepEqual(told, { "=": isEqual, "<>": !isEqual, "IN": isEqual });
}
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs
