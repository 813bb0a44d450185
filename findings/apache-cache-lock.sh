#!/usr/bin/env bash
# Subject: Apache's `CacheLock`, the "thundering herd lock" of its HTTP cache.
# Version: apache2 2.4.71 (Debian 12's), mod_cache_disk; Node 20 or later as the source and the callers.
# A good guess: as nginx's lock does, it lets one request fill a cold key while the others wait; or it covers
#   each key that is to be fetched, one that was never there and one that has expired.
# What happens: it covers what has expired: one caller fetches, and the others get the old answer at once, when
#   the source fails, too. A cold key isn't covered: ten callers are ten fetches.
#   `stale-while-revalidate` doesn't change that: the one who fetches waits.
# Why it matters: it is the other way round in nginx (see nginx-cache-lock): there a cold key is locked, and an
#   expired one isn't. After a deployment that empties the cache, or a purge, the source gets the whole herd.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
mkdir -p lists/partial archives/partial cache lock
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
{ "${apt[@]}" update && "${apt[@]}" download 'apache2-bin=2.4.71-*' libapr1 libaprutil1; } > apt.log 2>&1
for package in *.deb; do dpkg -x "$package" debian; done

read -r port source < <(python3 -c 'import socket
a, b = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(a.getsockname()[1], b.getsockname()[1])')
{
  if [ "$(id -u)" = 0 ]; then
    printf 'User nobody\nGroup nogroup\n'
    chmod 777 cache lock
  fi
} > user.conf
cat > httpd.conf << CONF
ServerRoot $dir/debian/usr/lib/apache2
DefaultRuntimeDir $dir
PidFile $dir/httpd.pid
Listen 127.0.0.1:$port
ServerName localhost
ErrorLog $dir/error.log
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule cache_module modules/mod_cache.so
LoadModule cache_disk_module modules/mod_cache_disk.so
Include $dir/user.conf
CacheRoot $dir/cache
CacheEnable disk /
CacheLock on
CacheLockPath $dir/lock
ProxyPass / http://127.0.0.1:$source/
CONF
LD_LIBRARY_PATH="$dir/debian/usr/lib/x86_64-linux-gnu" debian/usr/sbin/apache2 -f "$dir/httpd.conf" -DFOREGROUND &
server=$!

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";

const [port, sourcePort] = process.argv.slice(2).map(Number);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let fetches = 0;
let fails = false;
const source = createServer(async ({ url }, response) => {
  const version = fetches += 1;
  await pause(500);
  if (fails) response.writeHead(500).end();
  else response.writeHead(200, { "cache-control": url === "/swr" ? "max-age=1, stale-while-revalidate=60" : "max-age=1" }).end(`${version}`);
}).listen(sourcePort, "127.0.0.1");

async function herd(path) {
  fetches = 0;
  const waits = await Promise.all(Array.from({ length: 10 }, async () => {
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.text();
    return { ok: response.ok, ms: performance.now() - began };
  }));
  return { fetches, waited: waits.filter(({ ms }) => ms >= 450).length, failed: waits.filter(({ ok }) => !ok).length };
}

for (let tries = 0; tries < 100; tries += 1) {
  if (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => false)) break;
  await pause(50);
}
const seen = { "cold": await herd("/page"), "cold, stale-while-revalidate": await herd("/swr") };
await pause(2100);
seen["expired"] = await herd("/page");
seen["expired, stale-while-revalidate"] = await herd("/swr");
await pause(2100);
fails = true;
seen["expired, the source fails"] = await herd("/page");
console.log("ten callers of one key at once:");
console.table(seen);

assert.equal(seen["cold"].fetches, 10);
assert.equal(seen["cold, stale-while-revalidate"].fetches, 10);
for (const name of ["expired", "expired, stale-while-revalidate", "expired, the source fails"]) {
  assert.deepEqual(seen[name], { fetches: 1, waited: 1, failed: 0 }, name);
}
source.close();
process.exit(0);
JS
node probe.mjs "$port" "$source"
