#!/usr/bin/env bash
# Subject: memjs with several memcached servers: which server has a key.
# Version: memjs 1.3.2, Node 20 or later; three stand-ins for memcached that answer "not found".
# A good guess: keys are spread by a consistent hash, so the order in which the servers are named
#   doesn't matter, and one more server moves a third of the keys.
# What happens: the key's hash modulo the number of servers is a place in the list. With the same two
#   servers in the other order all keys are on the other server. A third server moves two thirds.
# Why it matters: two processes whose lists differ in order share no entry and no lock, without
#   an error. Adding a server makes most keys cold at once, and splits every lock while it is rolled out.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts memjs@1.3.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:net";
import memjs from "memjs";

/** Answers each request of the binary protocol with "not found", and remembers its key. */
async function standIn() {
  const keys = [];
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      while (bytes.length >= 24 && bytes.length >= 24 + bytes.readUInt32BE(8)) {
        const start = 24 + bytes[4];
        keys.push(bytes.toString("utf8", start, start + bytes.readUInt16BE(2)));
        const answer = Buffer.alloc(24);
        answer[0] = 0x81;
        answer[1] = bytes[1];
        answer.writeUInt16BE(1, 6);
        bytes.copy(answer, 12, 12, 16);
        socket.write(answer);
        bytes = bytes.subarray(24 + bytes.readUInt32BE(8));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { name: `127.0.0.1:${server.address().port}`, keys };
}

const [a, b, c] = [await standIn(), await standIn(), await standIn()];
const keys = Array.from({ length: 300 }, (_, index) => `key${index}`);

async function spread(...servers) {
  const client = memjs.Client.create(servers.map(({ name }) => name).join(","));
  const places = new Map();
  for (const key of keys) {
    await client.get(key);
    const server = servers.find((server) => server.keys.length > 0);
    assert.deepEqual(server.keys.splice(0), [key]);
    places.set(key, server.name);
  }
  client.close();
  return places;
}
const moved = (from, to) => keys.filter((key) => from.get(key) !== to.get(key)).length;

const two = await spread(a, b);
const seen = {
  "the same list": moved(two, await spread(a, b)),
  "the other order": moved(two, await spread(b, a)),
  "a third server": moved(two, await spread(a, b, c)),
};
console.log("keys of 300 that are on another server than with a, b:", seen);
assert.equal(seen["the same list"], 0);
assert.equal(seen["the other order"], 300);
assert.ok(seen["a third server"] > 170 && seen["a third server"] < 230);
process.exit(0);
JS
node probe.mjs
