#!/usr/bin/env bash
# Subject: the AWS SDK's own retries of conditional writes, where an answer is lost on its way.
# Versions: @aws-sdk/client-s3 3.1175.0 and @aws-sdk/client-dynamodb 3.1169.0, Node 20 or later;
#   dynalite 4.0.0 and twenty lines of HTTP stand in for the servers.
# A good guess: a conditional write that was carried out succeeds or fails with the network's error;
#   "the condition was false" means that someone else was there first.
# What happens: the SDK sends it again, the repetition meets the first one's result, and the caller is
#   told PreconditionFailed or ConditionalCheckFailedException, about a write of its own. `ADD n 1`
#   counts twice and reports success. `$metadata.attempts` above 1 is the only sign.
# Why it matters: who takes a lease by `IfNoneMatch: "*"` or `attribute_not_exists` is told that it is
#   taken, by itself, and the key waits for the lease's end. Read the owner after a refusal, or set
#   `maxAttempts: 1`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts dynalite@4.0.0 \
  @aws-sdk/client-s3@3.1175.0 @aws-sdk/client-dynamodb@3.1169.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { CreateTableCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import dynalite from "dynalite";

const account = { region: "us-east-1", credentials: { accessKeyId: "id", secretAccessKey: "key" } };
const listen = async (server) => {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
};

/** Keeps objects, heeds `If-None-Match: *`, and loses its first answer. */
async function bucket(objects) {
  let requests = 0;
  return await listen(createHttpServer(async (request, response) => {
    let body = "";
    for await (const bytes of request) body += bytes;
    requests += 1;
    const key = request.url.split("?")[0];
    if (objects.has(key) && request.headers["if-none-match"] === "*") {
      response.writeHead(412, { "content-type": "application/xml" });
      return response.end("<Error><Code>PreconditionFailed</Code></Error>");
    }
    objects.set(key, body);
    if (requests === 1) return request.socket.destroy();
    response.writeHead(200, { etag: '"1"' });
    response.end();
  }));
}

/** Passes all on, and cuts instead of the answer to the next request of this name. */
async function lossy(upstreamPort, lose) {
  return await listen(createServer((client) => {
    const upstream = connect(upstreamPort, "127.0.0.1");
    let cut = false;
    client.on("data", (bytes) => {
      if (lose.next && bytes.toString().includes(lose.next)) [cut, lose.next] = [true, undefined];
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => cut ? client.destroy() : client.write(bytes));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  }));
}

const told = (error) => ({ told: error.name, attempts: error.$metadata.attempts });
const put = { Bucket: "leases", Key: "user", Body: "me", IfNoneMatch: "*" };
async function s3(options) {
  const objects = new Map();
  const endpoint = `http://127.0.0.1:${await bucket(objects)}`;
  const client = new S3Client({ ...account, ...options, endpoint, forcePathStyle: true });
  const answer = await client.send(new PutObjectCommand(put)).then(() => "stored", told);
  return { ...answer, stored: objects.get("/leases/user") };
}
const seen = { "s3, put if none match": await s3({}) };

const lose = { next: undefined };
const tables = dynalite({ createTableMs: 0 });
const endpoint = `http://127.0.0.1:${await lossy(await listen(tables), lose)}`;
const client = new DynamoDBClient({ ...account, endpoint });
await client.send(
  new CreateTableCommand({
    TableName: "leases",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
  }),
);
lose.next = "PutItem";
seen["dynamodb, put if not exists"] = await client.send(
  new PutItemCommand({
    TableName: "leases",
    Item: { key: { S: "user" }, owner: { S: "me" } },
    ConditionExpression: "attribute_not_exists(#key)",
    ExpressionAttributeNames: { "#key": "key" },
  }),
).then(() => "stored", told);
lose.next = "UpdateItem";
const added = await client.send(
  new UpdateItemCommand({
    TableName: "leases",
    Key: { key: { S: "counter" } },
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
    ReturnValues: "ALL_NEW",
  }),
);
seen["dynamodb, add 1"] = { counter: added.Attributes.n.N, attempts: added.$metadata.attempts };
const alone = await s3({ maxAttempts: 1 });
console.log(seen, "with maxAttempts 1:", alone);
assert.deepEqual(seen, {
  "s3, put if none match": { told: "PreconditionFailed", attempts: 2, stored: "me" },
  "dynamodb, put if not exists": { told: "ConditionalCheckFailedException", attempts: 2 },
  "dynamodb, add 1": { counter: "2", attempts: 2 },
});
assert.equal(alone.attempts, 1);
assert.notEqual(alone.told, "PreconditionFailed");
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs
