#!/usr/bin/env bash
# Subject: dynalite, DynamoDB's stand-in in many tests, and the item of a failed condition.
# Versions: dynalite 4.0.0, @aws-sdk/client-dynamodb 3.1169.0, Node 20 or later.
# A good guess: `ReturnValuesOnConditionCheckFailure: "ALL_OLD"` puts the item into the error, or is
#   refused.
# What happens: it is accepted and dropped. The error has no `Item`.
# Why it matters: a lock that reads its holder from that error finds none in tests, and a second read
#   that is written for that isn't needed on DynamoDB.
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
    TableName: "leases",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
  }),
);
const take = (owner) =>
  client.send(
    new PutItemCommand({
      TableName: "leases",
      Item: { key: { S: "user" }, owner: { S: owner } },
      ConditionExpression: "attribute_not_exists(#key)",
      ExpressionAttributeNames: { "#key": "key" },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  ).then(() => "taken", ({ name, Item }) => ({ name, item: Item ?? "none" }));

const seen = [await take("first"), await take("second")];
console.log(seen);
assert.deepEqual(seen, ["taken", { name: "ConditionalCheckFailedException", item: "none" }]);
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs
