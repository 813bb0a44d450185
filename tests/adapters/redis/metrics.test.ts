import { randomUUID } from "node:crypto";
import assert from "node:assert/strict";
import process from "node:process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { withoutServer } from "../../support/address.ts";
import type { Metered, MeteredTask, MeteredTold } from "../../support/metered_caller.ts";
import { startWorker } from "../../support/worker.ts";
import { redisUrl } from "./clients.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;

function start() {
  const isSource = import.meta.url.endsWith(".ts");
  const file = isSource ? "metered_caller.ts" : "metered_caller.js";
  const program = fileURLToPath(new URL(`../../support/${file}`, import.meta.url));
  const command = [process.execPath, ...isSource ? ["run", "-A", "--no-check"] : [], program];
  const beginning: Metered = { connection: "redis/connection", place: { url: redisUrl! } };
  return startWorker<MeteredTask, MeteredTold>(command, beginning);
}

/** The values of a metric in Prometheus' text, by the value of a label, of one client. */
function valuesOf(text: string, metric: string, cache: string, label?: string) {
  const values: Record<string, number> = {};
  for (
    const [, labels = "", value] of text.matchAll(new RegExp(`^${metric}{(.*)} (\\S+)$`, "gm"))
  ) {
    const own = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    assert.equal(own.cache_backend, "redis");
    assert.ok(!labels.includes("metered:"), "a key is no label");
    if (own.cache_name !== cache) continue;
    const name = label === undefined ? "all" : own[label]!;
    values[name] = (values[name] ?? 0) + Number(value);
  }
  return values;
}

it("4 processes under load: what Prometheus scrapes is what the callers saw", {
  skip,
  timeout: 60_000,
}, async () => {
  const workers = Array.from({ length: 4 }, start);
  try {
    const ports = await Promise.all(workers.map(async ({ next }) => (await next()).port!));
    const task = { prefix: `metered:${randomUUID()}:`, rounds: 30, keys: 7, callers: 9 };
    for (const { send } of workers) send(task);
    const reports = await Promise.all(workers.map(({ next }) => next()));
    let requests = 0;
    for (const [index, { calls, plain, fetches }] of reports.entries()) {
      const response = await fetch(`http://127.0.0.1:${ports[index]}/metrics`);
      const text = await response.text();
      const counted = "cache_locking_request_count_total";
      assert.deepEqual(valuesOf(text, counted, "users", "cache_request_type"), calls);
      assert.deepEqual(valuesOf(text, counted, "plain"), { all: plain });
      const fetched = ["users", "plain"].map((cache) =>
        valuesOf(text, "cache_locking_fetch_duration_count", cache).all ?? 0
      );
      assert.equal(fetched[0]! + fetched[1]!, fetches);
      requests += Object.values(calls!).reduce((sum, each) => sum + each, plain!);
    }
    assert.equal(requests, 4 * task.rounds * task.keys * task.callers);
    const outcomes = new Set(reports.flatMap(({ calls }) => Object.keys(calls!)));
    for (const outcome of ["hit", "miss-leader", "miss-follower-hit", "failed"]) {
      assert.ok(outcomes.has(outcome), `no ${outcome} among ${[...outcomes]}`);
    }
  } finally {
    await Promise.allSettled(workers.map(({ end }) => end()));
  }
});
