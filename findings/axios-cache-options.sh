#!/usr/bin/env bash
# Subject: axios-cache-interceptor: two calls of one URL that differ in their options.
# Versions: axios-cache-interceptor 1.12.3, axios 1.21.1, Node 20 or later.
# A good guess: a call gets what it asks for (bytes by `responseType`, its own `transformResponse`) from
#   the cache as without it; a deadline is one caller's; the cached data isn't changed by its readers.
# What happens: the key is the method, the URL, the parameters and the body. Who asks for an
#   "arraybuffer" gets the object that the first caller had parsed, and who has no `transformResponse`
#   the first one's transformed data. A first caller's `timeout` of 50 ms fails one who joined with
#   10 s. Readers share one object, and see what another has changed in it.
# Why it matters: which type a call gets depends on who came first, so that it fails only now and then.
#   Give such calls an `id` of their own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts axios@1.21.1 axios-cache-interceptor@1.12.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import Axios from "axios";
import { setupCache } from "axios-cache-interceptor";

const server = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  setTimeout(() => response.end('{"name":"Ada"}'), request.url === "/slow" ? 300 : 0);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const baseURL = `http://127.0.0.1:${server.address().port}`;
const plain = Axios.create({ baseURL });
const cached = setupCache(Axios.create({ baseURL }));
const kind = (data) => Buffer.isBuffer(data) ? "bytes" : JSON.stringify(data);

async function seenBy(client) {
  await client.get("/bytes");
  const bytes = kind((await client.get("/bytes", { responseType: "arraybuffer" })).data);
  await client.get("/transformed", { transformResponse: () => "only the name" });
  const transformed = kind((await client.get("/transformed")).data);
  (await client.get("/changed")).data.name = "changed";
  const changed = kind((await client.get("/changed")).data);
  const wait = (timeout) =>
    client.get("/slow", { timeout }).then(({ data }) => kind(data), ({ code }) => code);
  const [, patient] = await Promise.all([wait(50), wait(10_000)]);
  return { bytes, transformed, changed, patient };
}
const seen = { "without the cache": await seenBy(plain), "with it": await seenBy(cached) };
console.log(seen);
const ada = '{"name":"Ada"}';
assert.deepEqual(seen, {
  "without the cache": { bytes: "bytes", transformed: ada, changed: ada, patient: ada },
  "with it": {
    bytes: ada,
    transformed: '"only the name"',
    changed: '{"name":"changed"}',
    patient: "ECONNABORTED",
  },
});
process.exit(0);
JS
node probe.mjs
