#!/usr/bin/env bash
# Subject: undici's `interceptors.deduplicate()`, which lets equal requests at once share one.
# Version: undici 7.30.2, Node 20 or later.
# A good guess: each caller's wait is its own. If the one who came first gives up, the others get the
#   answer, by the same request or by another.
# What happens: the first caller's request is the only one, and its end is everyone's: its AbortSignal
#   rejects all with an AbortError, and if it doesn't want the body and destroys it (a HEAD by hand, a
#   redirect, a status that it doesn't like), the others' bodies fail, too. One who joined and destroys
#   its body does no harm to the others.
# Why it matters: a user who closes a tab, or a caller with a short deadline, fails all who ask for the
#   same URL with "This operation was aborted", which they take for their own cancellation and don't
#   try again.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts undici@7.30.2

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { Agent, interceptors, request } from "undici";

let requests = 0;
const server = createServer((_request, response) => {
  requests++;
  setTimeout(() => {
    response.write("the ");
    setTimeout(() => response.end("answer"), 100);
  }, 100);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/`;
const dispatcher = new Agent().compose(interceptors.deduplicate());
const get = (options) => request(url, { dispatcher, ...options });
const read = (response) => response.then(({ body }) => body.text()).catch((error) => error.name);

const aborter = new AbortController();
const aborted = [get({ signal: aborter.signal }), get(), get()].map(read);
setTimeout(() => aborter.abort(), 50);
const seen = { "the first is aborted": await Promise.all(aborted) };

async function destroyed(which) {
  const responses = [get(), get()];
  const other = read(responses[1 - which]);
  const { body } = await responses[which];
  body.on("error", () => {});
  body.destroy();
  return [await other];
}
seen["the first destroys its body, the other reads"] = await destroyed(0);
seen["one who joined destroys its body, the first reads"] = await destroyed(1);
console.log(seen, { requests });
assert.deepEqual(seen, {
  "the first is aborted": ["AbortError", "AbortError", "AbortError"],
  "the first destroys its body, the other reads": ["AbortError"],
  "one who joined destroys its body, the first reads": ["the answer"],
});
assert.equal(requests, 3);
process.exit(0);
JS
node probe.mjs
