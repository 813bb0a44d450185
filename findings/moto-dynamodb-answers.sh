#!/usr/bin/env bash
# Subject: moto, DynamoDB's stand-in: repeated transactions, numbers, and what an update returns.
# Versions: moto 5.2.5 (PyPI), @aws-sdk/client-dynamodb 3.1169.0, Node 20 or later.
# A good guess: as DynamoDB's reference says. A transaction with a `ClientRequestToken` that was used
#   is not carried out again, and with other items it is refused. A number has its zeros trimmed. Of
#   `UPDATED_OLD` and `UPDATED_NEW` come the attributes that the update names.
# What happens: the token is ignored: the second call counts once more, and other items with the same
#   token pass. `1.0` and `007` are read as they were written. `UPDATED_OLD` leaves out an attribute
#   that got the value that it had, and `UPDATED_NEW` of a new item has its key too.
# Why it matters: a test of "sent twice, done once" fails on right code, and one of a reused token
#   passes on wrong code. A version that is compared as text differs from what DynamoDB gives. A lock
#   that is taken again by its holder finds no former owner.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @aws-sdk/client-dynamodb@3.1169.0
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python 'moto[dynamodb]==5.2.5' flask==3.1.3 flask-cors==6.0.5
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
PYTHONPATH=python python3 -m moto.server -H 127.0.0.1 -p "$port" > server.log 2>&1 &
server=$!
for _ in $(seq 300); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({
  region: "us-east-1",
  credentials: { accessKeyId: "id", secretAccessKey: "key" },
  endpoint: `http://127.0.0.1:${process.argv[2]}`,
});
const TableName = "entries";
await client.send(
  new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
  }),
);
const read = async (key) =>
  (await client.send(new GetItemCommand({ TableName, Key: { key: { S: key } } }))).Item;
const add = (key) =>
  client.send(
    new TransactWriteItemsCommand({
      ClientRequestToken: "token",
      TransactItems: [{
        Update: {
          TableName,
          Key: { key: { S: key } },
          UpdateExpression: "ADD amount :one",
          ExpressionAttributeValues: { ":one": { N: "1" } },
        },
      }],
    }),
  ).then(() => "done", ({ name }) => name);
const take = async (owner, ReturnValues) =>
  (await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { key: { S: "lease" } },
      UpdateExpression: "SET #owner = :owner",
      ExpressionAttributeNames: { "#owner": "owner" },
      ExpressionAttributeValues: { ":owner": { S: owner } },
      ReturnValues,
    }),
  )).Attributes ?? "none";

const seen = { token: [await add("count"), await add("count"), await add("other")] };
seen.count = (await read("count")).amount.N;
const numbers = { whole: { N: "1.0" }, padded: { N: "007" } };
await client.send(new PutItemCommand({ TableName, Item: { key: { S: "numbers" }, ...numbers } }));
const { whole, padded } = await read("numbers");
seen.numbers = [whole.N, padded.N];
seen.first = await take("me", "UPDATED_NEW");
seen.again = await take("me", "UPDATED_OLD");
seen.another = await take("you", "UPDATED_OLD");
console.log(seen);
assert.deepEqual(seen, {
  token: ["done", "done", "done"],
  count: "2",
  numbers: ["1.0", "007"],
  first: { key: { S: "lease" }, owner: { S: "me" } },
  again: "none",
  another: { owner: { S: "me" } },
});
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs "$port"
