#!/usr/bin/env bash
# Subject: moto, DynamoDB's stand-in: batches of writes that DynamoDB refuses.
# Versions: moto 5.2.5 (PyPI) beside dynalite 4.0.0, @aws-sdk/client-dynamodb 3.1169.0, Node 20 or later.
# A good guess: as DynamoDB's reference says of BatchWriteItem, more than 25 requests, or two for one
#   key, are refused; and where one item is too large, the whole request is, and nothing is written.
# What happens: 26 requests pass, so do two puts, or a put and a delete, of one key. Where the last
#   item is too large the error comes, and the items before it are written. dynalite refuses all as
#   DynamoDB does, and writes nothing.
# Why it matters: a loader that forgets to split its batches, or that two callers have given one key,
#   passes its tests on moto and fails on its first large batch in production. Test batches on
#   dynalite, too.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @aws-sdk/client-dynamodb@3.1169.0 \
  dynalite@4.0.0
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python 'moto[dynamodb]==5.2.5' flask==3.1.3 flask-cors==6.0.5
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
PYTHONPATH=python python3 -m moto.server -H 127.0.0.1 -p "$port" > server.log 2>&1 &
server=$!
for _ in $(seq 300); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";

const TableName = "entries";
const put = (id, value = "") => ({ PutRequest: { Item: { id: { S: id }, value: { S: value } } } });
const drop = (id) => ({ DeleteRequest: { Key: { id: { S: id } } } });

async function answers(port) {
  const client = new DynamoDBClient({
    region: "us-east-1",
    credentials: { accessKeyId: "id", secretAccessKey: "key" },
    endpoint: `http://127.0.0.1:${port}`,
  });
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  const write = (requests) =>
    client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } })).then(
      () => "passes",
      ({ name }) => name === "ValidationException" ? "refused" : name,
    );
  const stored = async (id) =>
    (await client.send(new GetItemCommand({ TableName, Key: { id: { S: id } } }))).Item ? "written" : "not written";
  const seen = {
    "25 requests": await write(Array.from({ length: 25 }, (_, index) => put(`row ${index}`))),
    "26 requests": await write(Array.from({ length: 26 }, (_, index) => put(`row ${index}`))),
    "two puts of a key": await write([put("twice", "a"), put("twice", "b")]),
    "a put and a delete of a key": await write([put("both"), drop("both")]),
    "one item too large": await write([put("small"), put("large", "x".repeat(420_000))]),
    "and the one before it": await stored("small"),
  };
  client.destroy();
  return seen;
}

const server = dynalite({ createTableMs: 0 });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const seen = { dynalite: await answers(server.address().port), moto: await answers(process.argv[2]) };
console.log(seen);
assert.deepEqual(seen, {
  dynalite: {
    "25 requests": "passes",
    "26 requests": "refused",
    "two puts of a key": "refused",
    "a put and a delete of a key": "refused",
    "one item too large": "refused",
    "and the one before it": "not written",
  },
  moto: {
    "25 requests": "passes",
    "26 requests": "passes",
    "two puts of a key": "passes",
    "a put and a delete of a key": "passes",
    "one item too large": "refused",
    "and the one before it": "written",
  },
});
server.close();
JS
NODE_NO_WARNINGS=1 node probe.mjs "$port"
