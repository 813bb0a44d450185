#!/usr/bin/env bash
# Subject: AsyncLocalStorage (the request, the tenant, the span of a caller) in jobs that had to wait
#   for their turn.
# Versions: p-queue 9.3.5, bottleneck 2.19.5, async-lock 1.5.0, beside p-limit 7.3.3, async-mutex 0.5.0
#   and generic-pool 3.9.0; Node 20 or later.
# A good guess: a job runs in the context of the caller who added it, whether it waits or not.
# What happens: in p-queue, bottleneck and async-lock a job that waits runs in the context of the one
#   whose job ended before it. p-limit, async-mutex and generic-pool keep each caller's own.
# Why it matters: under load, when jobs wait, logs and spans of a request carry the number of another
#   one, and what a fetcher takes from the context (the tenant's database, say) is another one's.
#   Nothing shows it in a test without contention. Wrap the job: `AsyncResource.bind(job)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts p-queue@9.3.5 bottleneck@2.19.5 async-lock@1.5.0 \
  p-limit@7.3.3 async-mutex@0.5.0 generic-pool@3.9.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import AsyncLock from "async-lock";
import { Mutex } from "async-mutex";
import Bottleneck from "bottleneck";
import pool from "generic-pool";
import pLimit from "p-limit";
import PQueue from "p-queue";

const request = new AsyncLocalStorage();
const queue = new PQueue({ concurrency: 1 });
const limiter = new Bottleneck({ maxConcurrent: 1 });
const lock = new AsyncLock();
const limit = pLimit(1);
const mutex = new Mutex();
const resources = pool.createPool({ create: async () => ({}), destroy: async () => {} }, { max: 1 });
const ways = {
  "p-queue": (job) => queue.add(job),
  "bottleneck": (job) => limiter.schedule(job),
  "async-lock": (job) => lock.acquire("key", job),
  "p-queue, bound": (job) => queue.add(AsyncResource.bind(job)),
  "p-limit": (job) => limit(job),
  "async-mutex": (job) => mutex.runExclusive(job),
  "generic-pool": (job) => resources.use(job),
};
async function job() {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return request.getStore();
}

const seen = {};
for (const [name, run] of Object.entries(ways)) {
  const jobs = ["first", "second", "third"].map((caller) => request.run(caller, () => run(job)));
  seen[name] = (await Promise.all(jobs)).join(", ");
}
console.log("in whose context the jobs of first, second and third ran:", seen);
const own = "first, second, third";
const others = "first, first, first";
assert.deepEqual(seen, {
  "p-queue": others,
  "bottleneck": others,
  "async-lock": others,
  "p-queue, bound": own,
  "p-limit": own,
  "async-mutex": own,
  "generic-pool": own,
});
process.exit(0);
JS
node probe.mjs
