#!/usr/bin/env bash
# Subject: Apollo's RESTDataSource with its HTTP cache: reads after a write, and cached POSTs.
# Versions: @apollo/datasource-rest 6.4.1, graphql 16.15.0, Node 20 or later.
# A good guess: a PUT or DELETE of a URL ends what is cached of that URL, as HTTP's caching (RFC 9111)
#   asks; a POST that is cached by `cacheOptions` is one entry per body.
# What happens: a PUT ends the memory of the one data source, and not the cache under it: its own next
#   GET, and that of each later request, gets the old answer until `max-age` is over. A cached POST
#   is one entry per URL: with another body it isn't sent, and returns the first one's answer.
# Why it matters: a mutation that writes and then reads returns the old row to the user who has just
#   changed it. A search by POST shows everybody the first one's results. Delete the key after a
#   write, and give `cacheKeyFor` the body.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @apollo/datasource-rest@6.4.1 graphql@16.15.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { RESTDataSource } from "@apollo/datasource-rest";

let name = "old";
let sent = [];
const source = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  sent.push(request.method);
  response.setHeader("content-type", "application/json");
  if (request.method === "GET") response.setHeader("cache-control", "max-age=60");
  if (request.method === "PUT") name = body.name;
  response.end(JSON.stringify(request.method === "POST" ? { found: body.text } : { name }));
});
await new Promise((resolve) => source.listen(0, "127.0.0.1", resolve));

const entries = new Map();
const cache = {
  get: async (key) => entries.get(key),
  set: async (key, value) => void entries.set(key, value),
  delete: async (key) => entries.delete(key),
};
class Users extends RESTDataSource {
  baseURL = `http://127.0.0.1:${source.address().port}/`;
}
// One data source per request, one cache for all, as Apollo has it.
async function requests(run) {
  sent = [];
  return { ...(await run()), sent: sent.join(" ") };
}
const seen = {
  "a PUT": await requests(async () => {
    const users = new Users({ cache });
    const before = (await users.get("users/1")).name;
    await users.put("users/1", { body: { name: "new" } });
    const after = (await users.get("users/1")).name;
    const next = (await new Users({ cache }).get("users/1")).name;
    return { before, after, next };
  }),
  "two POSTs": await requests(async () => {
    const search = (text) =>
      new Users({ cache }).post("search", { body: { text }, cacheOptions: { ttl: 60 } });
    return { first: (await search("apples")).found, second: (await search("pears")).found };
  }),
};
console.log(seen);
assert.equal(name, "new");
assert.deepEqual(seen, {
  "a PUT": { before: "old", after: "old", next: "old", sent: "GET PUT" },
  "two POSTs": { first: "apples", second: "apples", sent: "POST" },
});
process.exit(0);
JS
node probe.mjs
