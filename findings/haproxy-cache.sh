#!/usr/bin/env bash
# Subject: HAProxy's cache: what it stores, and equal requests at once.
# Version: haproxy 2.6.12 (Debian 12's); Node 20 or later as the source and the callers.
# A good guess: a page of 20 kB fits into a cache of 4 MB; `max-age=0, s-maxage=60`, by which one says "not in
#   browsers, a minute in the proxy", is kept for a minute there; ten callers of a cold key are one fetch.
# What happens: an object may have a 256th of the cache's size (`max-object-size`), so of 4 MB 16 kB: the page is
#   fetched each time. `max-age=0` ends it, whatever `s-maxage` says; with `max-age=1` the
#   `s-maxage` counts. Ten callers are ten fetches. Nothing in the answer or in the log says so.
# Why it matters: small pages show that the cache works, and the large ones, for which it was set up, go to the
#   source each time. The header that many hosts advise turns it off.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p lists/partial archives/partial
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
{
  "${apt[@]}" update && "${apt[@]}" download 'haproxy=2.6.12-*' liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
} > apt.log 2>&1
for package in *.deb; do dpkg -x "$package" debian; done

read -r port source < <(python3 -c 'import socket
a, b = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(a.getsockname()[1], b.getsockname()[1])')
cat > haproxy.cfg << CONF
global
  maxconn 100
cache pages
  total-max-size 4
  max-age 60
frontend front
  bind 127.0.0.1:$port
  mode http
  timeout client 10s
  http-request cache-use pages
  http-response cache-store pages
  default_backend source
backend source
  mode http
  timeout connect 2s
  timeout server 10s
  server source 127.0.0.1:$source
CONF
LD_LIBRARY_PATH="$dir/debian/usr/lib/x86_64-linux-gnu" debian/usr/sbin/haproxy -db -f haproxy.cfg &
server=$!

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";

const [port, sourcePort] = process.argv.slice(2).map(Number);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let fetches = 0;
const pages = {
  "/8 kB": [8_000, "max-age=60"],
  "/15 kB": [15_000, "max-age=60"],
  "/20 kB": [20_000, "max-age=60"],
  "/max-age=1, s-maxage=60": [10, "max-age=1, s-maxage=60"],
  "/max-age=0, s-maxage=60": [10, "max-age=0, s-maxage=60"],
  "/ten at once": [10, "max-age=60"],
};
const source = createServer(async ({ url }, response) => {
  const [size, control] = pages[decodeURIComponent(url)] ?? [10, "no-store"];
  fetches += 1;
  await pause(100);
  response.writeHead(200, { "cache-control": control, "content-length": size }).end("x".repeat(size));
}).listen(sourcePort, "127.0.0.1");
const get = async (page) => (await fetch(`http://127.0.0.1:${port}${encodeURI(page)}`)).text();

for (let tries = 0; tries < 100; tries += 1) {
  if (await get("/ready").catch(() => false)) break;
  await pause(50);
}
const seen = {};
for (const page of Object.keys(pages)) {
  fetches = 0;
  if (page === "/ten at once") await Promise.all(Array.from({ length: 10 }, () => get(page)));
  else {
    for (let time = 0; time < 3; time += 1) {
      await get(page);
      if (page === "/max-age=1, s-maxage=60") await pause(1100);
    }
  }
  seen[page.slice(1)] = fetches;
}
console.log("fetches of the source, of three reads one after another, and of ten at once:");
console.table(seen);
assert.deepEqual(seen, {
  "8 kB": 1,
  "15 kB": 1,
  "20 kB": 3,
  "max-age=1, s-maxage=60": 1,
  "max-age=0, s-maxage=60": 3,
  "ten at once": 10,
});
source.close();
process.exit(0);
JS
node probe.mjs "$port" "$source"
