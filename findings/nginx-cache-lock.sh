#!/usr/bin/env bash
# Subject: nginx's `proxy_cache_lock`, which lets one request fill the cache while others wait.
# Version: nginx 1.22.1 (Debian 12's), default times; Node 20 or later as the source and the callers.
# A good guess: those who wait get the answer when it is there; if it can't be stored they all go on;
#   it protects a key that has expired as it does one that was never there.
# What happens: those who wait look every 500 ms, so an answer that took 50 ms reaches them after
#   500. If the source fails, one of them goes on at each look: ten callers of a source that fails in
#   50 ms take 4.5 s, one after another. And a key that has expired isn't locked at all: ten callers
#   are ten fetches, unless `proxy_cache_use_stale updating` is on.
# Why it matters: this is the stampede protection that many have before their application. It adds
#   half a second to each cold key, and none of it holds when a hot key ends.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p lists/partial archives/partial
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
{ "${apt[@]}" update && "${apt[@]}" download 'nginx=1.22.1-*'; } > apt.log 2>&1
dpkg -x nginx_*.deb debian

read -r port source < <(python3 -c 'import socket
a, b = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(a.getsockname()[1], b.getsockname()[1])')
[ "$(id -u)" != 0 ] || echo 'user root;' > user.conf
cat > nginx.conf << CONF
daemon off;
pid $dir/pid;
$(cat user.conf 2> /dev/null || true)
events {}
http {
  access_log off;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  proxy_cache_path $dir/cache keys_zone=zone:1m;
  proxy_cache zone;
  proxy_cache_lock on;
  server {
    listen 127.0.0.1:$port;
    location / { proxy_pass http://127.0.0.1:$source; }
    location /updating { proxy_pass http://127.0.0.1:$source; proxy_cache_use_stale updating; }
  }
}
CONF
debian/usr/sbin/nginx -p "$dir" -c nginx.conf -e "$dir/error.log" &
server=$!

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";

const [port, sourcePort] = process.argv.slice(2).map(Number);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let fetches = 0;
const source = createServer(async ({ url }, response) => {
  fetches += 1;
  await pause(50);
  if (url === "/failing") response.writeHead(500).end();
  else response.writeHead(200, { "cache-control": "max-age=1" }).end("answer");
}).listen(sourcePort, "127.0.0.1");

async function herd(path) {
  fetches = 0;
  const waits = await Promise.all(Array.from({ length: 10 }, async () => {
    const began = performance.now();
    await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    return Math.round(performance.now() - began);
  }));
  waits.sort((a, b) => a - b);
  return { fetches, first: waits[0], second: waits[1], last: waits[9] };
}

for (let tries = 0; tries < 100; tries += 1) {
  if (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => false)) break;
  await pause(50);
}
await herd("/updating");
const seen = { "cold": await herd("/cold"), "failing": await herd("/failing") };
await pause(2100);
seen["expired"] = await herd("/cold");
seen["expired, use_stale updating"] = await herd("/updating");
console.log("ten callers of one key at once, milliseconds:");
console.table(seen);

assert.equal(seen.cold.fetches, 1);
assert.ok(seen.cold.first < 450 && seen.cold.second >= 450, "the second waits for the next look");
assert.equal(seen.failing.fetches, 10);
assert.ok(seen.failing.last > 4000, "one after another");
assert.equal(seen.expired.fetches, 10);
assert.equal(seen["expired, use_stale updating"].fetches, 1);
source.close();
process.exit(0);
JS
node probe.mjs "$port" "$source"
