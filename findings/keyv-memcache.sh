#!/usr/bin/env bash
# Subject: keyv on memcached: times to live, `has` and `clear`.
# Versions: keyv 5.6.0, @keyv/memcache 2.0.2; memcached 1.6.18 (Debian 12's), Node 20 or later.
# A good guess: a time to live is kept to the second at least; `has` says what `get` finds; `clear()`
#   empties its own namespace.
# What happens: a time to live below a second is sent as 0, which means no end: `get` hides the
#   value after its time, yet it stays on the server, and `has` says true until somebody reads it. One
#   of more than 30 days is stored as a date in 1970: `set` says true, and the value is gone at once.
#   `clear()` of a namespace flushes the whole server.
# Why it matters: short entries fill the server and push out others; long ones are never there, so
#   each call fetches; and one part of an application empties the cache of all.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/memcache@2.0.2
mkdir -p lists/partial archives/partial
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
{ "${apt[@]}" update && "${apt[@]}" download 'memcached=1.6.18-*' 'libevent-2.1-7=2.1.12-*' 'libsasl2-2=2.1.28*'; } > apt.log 2>&1
for package in *.deb; do dpkg -x "$package" debian; done
export LD_LIBRARY_PATH="$dir/debian/usr/lib/$(uname -m)-linux-gnu"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
debian/usr/bin/memcached -l 127.0.0.1 -p "$port" -u nobody &
server=$!
unset LD_LIBRARY_PATH
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { connect } from "node:net";
import KeyvMemcache from "@keyv/memcache";
import { Keyv } from "keyv";

const port = Number(process.argv[2]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const open = (namespace) => new Keyv(new KeyvMemcache(`127.0.0.1:${port}`), { namespace });

/** When the server will drop each key: -1 is never. */
const ends = () =>
  new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write("lru_crawler metadump all\r\n"));
    socket.on("data", (bytes) => {
      text += bytes;
      if (!text.includes("END")) return;
      socket.end();
      const found = text.matchAll(/key=(\S+) exp=(-?\d+)/g);
      resolve([...found].map(([, key, end]) => [decodeURIComponent(key).split(":").at(-1), Number(end)]));
    });
  });

const cache = open("a");
await cache.set("short", "value", 500);
await pause(1500);
const short = {
  "server's end": Object.fromEntries(await ends()).short,
  "has": await cache.has("short"),
  "get": await cache.get("short"),
  "has, after the get": await cache.has("short"),
};
console.log("1.5 s after a set with 500 ms:", short);
assert.deepEqual(short, { "server's end": -1, "has": true, "get": undefined, "has, after the get": false });

const day = 86_400_000;
const long = {
  "30 days": [await cache.set("month", "value", 30 * day), await cache.get("month")],
  "31 days": [await cache.set("longer", "value", 31 * day), await cache.get("longer")],
};
console.log("set and get with", long);
assert.deepEqual(long, { "30 days": [true, "value"], "31 days": [true, undefined] });

const other = open("b");
await other.set("key", "value");
const before = await other.get("key");
await cache.clear();
const after = await other.get("key");
console.log("b's key, before and after a.clear():", [before, after]);
assert.deepEqual([before, after], ["value", undefined]);
process.exit(0);
JS
node probe.mjs "$port"
