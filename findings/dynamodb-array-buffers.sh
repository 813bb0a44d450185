#!/usr/bin/env bash
# Subject: bytes in an ArrayBuffer, a DataView or a Blob, stored by the AWS SDK's DynamoDB client.
# Versions: @aws-sdk/client-dynamodb 3.1169.0, @aws-sdk/lib-dynamodb 3.1169.0; dynalite 4.0.0 as the
#   server, Node 20 or later.
# A good guess: the document client's types name all three as binary values, so their bytes are stored;
#   or they are refused.
# What happens: the request succeeds and stores no bytes at all. Three bytes in a Uint8Array are stored
#   as three, a view of a part of a buffer too; in an ArrayBuffer, a DataView or a Blob they are read
#   back as an empty Uint8Array. In a set an ArrayBuffer is refused.
# Why it matters: `await response.arrayBuffer()` and `await blob.arrayBuffer()` are how bytes come from
#   the network. The one who fetched has them, and all others read an empty image or page from the
#   cache. Wrap them: `new Uint8Array(buffer)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @aws-sdk/client-dynamodb@3.1169.0 \
  @aws-sdk/lib-dynamodb@3.1169.0 dynalite@4.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import dynalite from "dynalite";

const server = dynalite({ createTableMs: 0 });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = new DynamoDBClient({
  endpoint: `http://127.0.0.1:${server.address().port}`,
  region: "us-east-1",
  credentials: { accessKeyId: "id", secretAccessKey: "key" },
});
const TableName = "entries";
await client.send(
  new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  }),
);
await new Promise((resolve) => setTimeout(resolve, 200));
const documents = DynamoDBDocumentClient.from(client);

async function readBack(id, value) {
  try {
    await documents.send(new PutCommand({ TableName, Item: { id, value } }));
  } catch {
    return "refused";
  }
  const { Item } = await documents.send(new GetCommand({ TableName, Key: { id } }));
  return Item.value instanceof Set ? [...Item.value].map((bytes) => [...bytes]) : [...Item.value];
}

const bytes = new Uint8Array([1, 2, 3]);
const seen = {};
for (
  const [name, value] of Object.entries({
    Uint8Array: bytes,
    "a part of a buffer": new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4),
    ArrayBuffer: bytes.buffer,
    DataView: new DataView(bytes.buffer),
    Blob: new Blob([bytes]),
    "Set of a Uint8Array": new Set([bytes]),
    "Set of an ArrayBuffer": new Set([bytes.buffer]),
  })
) seen[name] = await readBack(name, value);
console.log("1, 2, 3 read back:", seen);
assert.deepEqual(seen, {
  Uint8Array: [1, 2, 3],
  "a part of a buffer": [1, 2, 3],
  ArrayBuffer: [],
  DataView: [],
  Blob: [],
  "Set of a Uint8Array": [[1, 2, 3]],
  "Set of an ArrayBuffer": "refused",
});
client.destroy();
server.close();
JS
NODE_NO_WARNINGS=1 node probe.mjs
