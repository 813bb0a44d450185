#!/usr/bin/env bash
# Subject: Powertools for AWS Lambda (TypeScript), `makeIdempotent`: two functions of one Lambda.
# Versions: @aws-lambda-powertools/idempotency 2.35.0, @aws-sdk/client-dynamodb and lib-dynamodb 3.1169.0;
#   dynalite 4.0.0 as the server, Node 20 or later.
# A good guess: a wrapped function is carried out once per payload. Another function is another one, as in
#   Powertools for Python, whose key has the function's name in it; so are arguments that differ.
# What happens: the key is the name of the Lambda and the hash of the first argument. `mail(order)` after
#   `charge(order)` isn't carried out, and returns what `charge` returned, with a persistence layer of its
#   own on the same table, too. `move("a", 7)` after `move("a", 5)` isn't carried out either. A Map counts
#   as `{}`, whatever is in it.
# Why it matters: of the steps for one order the first one is made and all others are told its result, with
#   no error. Give each function a `keyPrefix`, and pass one plain object with all that counts.
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
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
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
const ran = [];
const wrap = (name, more = {}) =>
  makeIdempotent(async (...args) => {
    ran.push(name);
    return `${name}: ${args.map((argument) => argument instanceof Map ? [...argument] : JSON.stringify(argument)).join(", ")}`;
  }, {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName: "idempotency", awsSdkV3Client }),
    config: new IdempotencyConfig({}),
    ...more,
  });

const order = { order: 17 };
const move = wrap("move");
const seen = {
  "charge(order)": await wrap("charge")(order),
  "mail(order)": await wrap("mail")(order),
  "mail(order), with a keyPrefix": await wrap("mail", { keyPrefix: "mail" })(order),
  'move("a", 5)': await move("a", 5),
  'move("a", 7)': await move("a", 7),
  "add(Map of 1)": await wrap("add")(new Map([["a", 1]])),
  "add(Map of 2)": await wrap("add")(new Map([["a", 2]])),
};
console.log(seen, "carried out:", ran.join(", "));
assert.deepEqual(seen, {
  "charge(order)": 'charge: {"order":17}',
  "mail(order)": 'charge: {"order":17}',
  "mail(order), with a keyPrefix": 'mail: {"order":17}',
  'move("a", 5)': 'move: "a", 5',
  'move("a", 7)': 'move: "a", 5',
  "add(Map of 1)": "add: a,1",
  "add(Map of 2)": "add: a,1",
});
assert.deepEqual(ran, ["charge", "mail", "move", "add"]);
process.exit(0);
JS
AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true node --no-warnings probe.mjs
