#!/usr/bin/env bash
# Subject: Powertools for AWS Lambda (TypeScript), `makeIdempotent` on DynamoDB: a result with a Date, or with
#   a field that is undefined.
# Versions: @aws-lambda-powertools/idempotency 2.35.0, @aws-sdk/client-dynamodb and lib-dynamodb 3.1169.0;
#   dynalite 4.0.0 as the server, Node 20 or later.
# A good guess: the result is stored as JSON, as a Lambda's answer is: a Date becomes a text and undefined is
#   left out. What can't be stored is refused before the work, or the next call tries again.
# What happens: the work is done, and then the call rejects, as the result can't be written. The record goes on
#   saying that the work is in progress, and each retry is refused with that: for an hour, unless the
#   Lambda's context was registered. So it is with Infinity, and with an instance of a class.
# Why it matters: the card has been charged, the caller is told that it failed, and the retry that this library
#   is for is told to wait. `createdAt: new Date()` and an optional field are enough. Return what JSON says of
#   it: `JSON.parse(JSON.stringify(result))`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @aws-lambda-powertools/idempotency@2.35.0 \
  @aws-sdk/client-dynamodb@3.1169.0 @aws-sdk/lib-dynamodb@3.1169.0 dynalite@4.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";

process.env.AWS_LAMBDA_FUNCTION_NAME = "shop";
console.warn = () => {};
const server = dynalite({ createTableMs: 0 }).listen(0, "127.0.0.1");
await once(server, "listening");
const awsSdkV3Client = new DynamoDBClient({
  endpoint: `http://127.0.0.1:${server.address().port}`,
  region: "local",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});
await awsSdkV3Client.send(
  new CreateTableCommand({
    TableName: "idempotency",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  }),
);
const results = {
  "plain": { paid: true, receipt: "A17" },
  "a Date": { paid: true, at: new Date(0) },
  "an undefined field": { paid: true, receipt: undefined },
  "Infinity": { paid: true, limit: Infinity },
  "a class": new (class Receipt {
    paid = true;
  })(),
};
const seen = {};
for (const [name, result] of Object.entries(results)) {
  let charged = 0;
  const charge = makeIdempotent(async () => {
    charged++;
    return result;
  }, {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName: "idempotency", awsSdkV3Client }),
    config: new IdempotencyConfig({}),
    keyPrefix: name,
  });
  const call = () => charge({ order: 17 }).then(({ paid }) => `paid: ${paid}`, (error) => error.name);
  seen[name] = [await call(), await call(), `charged ${charged}`];
}
console.log("first call, retry:", seen);
const lost = ["IdempotencyPersistenceLayerError", "IdempotencyAlreadyInProgressError", "charged 1"];
assert.deepEqual(seen, {
  "plain": ["paid: true", "paid: true", "charged 1"],
  "a Date": lost,
  "an undefined field": lost,
  "Infinity": lost,
  "a class": lost,
});
const { Items } = await awsSdkV3Client.send(new ScanCommand({ TableName: "idempotency" }));
const stuck = Items.filter(({ status }) => status.S === "INPROGRESS");
const minutes = stuck.map(({ expiration }) => Math.round((Number(expiration.N) - Date.now() / 1000) / 60));
console.log(`${stuck.length} records say in progress, for ${minutes.join(", ")} minutes`);
assert.deepEqual(minutes, [60, 60, 60, 60]);
process.exit(0);
JS
AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true node --no-warnings probe.mjs
