import { Effect } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter } from "../adapters/redis.ts";
import { randomToken } from "../src/token.ts";
import { withoutServer } from "./support/address.ts";
import { type Caller, type Report, startCallers, type Task } from "./support/callers.ts";
import { ioredisVersions, monitor, redisUrl } from "./support/redis_clients.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;

describe("processes over one Redis", { skip }, () => {
  let client: Redis;
  let callers: Caller[];
  before(async () => {
    const [{ Redis }] = await ioredisVersions();
    client = new Redis(redisUrl!);
    callers = await startCallers(4, { url: redisUrl! });
  });
  after(async () => {
    const ends = await Promise.all(callers.map((caller) => caller.end()));
    client.disconnect();
    assert.ok(Math.max(...ends) < 2000, `the slowest process ended after ${Math.max(...ends)} ms`);
  });

  const newKey = () => `redis.processes:${randomToken()}`;
  const herd = async (task: Omit<Task, "id">, of = callers) =>
    sum(await Promise.all(of.map((caller) => caller.call(task).report)));
  const note = (text: string) => console.log(`    # ${text}`);

  it("fetches once for 4 × 250 callers, in 20 rounds, each of few commands", async () => {
    // The code is compiled by then.
    for (let round = 0; round < 20; round++) await herd({ key: newKey(), callers: 250, fetch: 20 });
    const seen = await monitor(client);
    const late: number[] = [];
    const commands: number[] = [];
    for (let round = 0; round < 20; round++) {
      const report = await herd({ key: newKey(), callers: 250, fetch: 200 });
      const sent = await seen.take();
      assert.equal(report.fetches, 1);
      assert.equal(report.values.length, 1);
      assert.deepEqual(report.errors, {});
      assert.ok(sent.length <= 21, `${sent.length} commands: ${sent.map(([name]) => name)}`);
      commands.push(sent.length);
      late.push(report.slowest - report.fetch);
    }
    seen.stop();
    // How soon is told, not asserted: a machine may be busy with something else.
    note(
      `slowest caller after the fetch: ${medianOf(late).toFixed(1)} ms in the median round; ` +
        `commands: ${Math.min(...commands)} to ${Math.max(...commands)}`,
    );
  });

  it("needs the same commands for 10 callers a process and for 10,000", async () => {
    // It may take a slow machine seconds to start 10,000 callers, and no look is taken as a precaution meanwhile.
    const options = { operationTimeout: 30_000, waitMax: 60_000, waitStep: 30_000 };
    await herd({ key: newKey(), callers: 10, fetch: 3000, options });
    await sleep(1500);
    const seen = await monitor(client);
    const names: string[][] = [];
    for (const count of [10, 10_000]) {
      const report = await herd({ key: newKey(), callers: count, fetch: 3000, options });
      assert.equal(report.fetches, 1);
      assert.equal(Object.values(report.outcomes).reduce((a, b) => a + b), 4 * count);
      // By then they have also let go of their subscriptions.
      await sleep(1500);
      names.push((await seen.take()).map(([name]) => name!).sort());
    }
    seen.stop();
    note(`${names[0]!.length} commands: ${names[0]}`);
    assert.deepEqual(names[0], names[1]);
  });

  it("has one take over when the leader is killed", async () => {
    const key = newKey();
    const [victim, ...others] = await startCallers(4, { url: redisUrl! });
    const options = { leaseTtl: 1000, waitMax: 10_000 };
    const { fetching } = victim!.call({ key, callers: 50, fetch: 60_000, options });
    await fetching;
    const began = performance.now();
    const following = herd({ key, callers: 50, fetch: 100, options }, others);
    await sleep(100);
    victim!.kill();
    const report = await following;
    const took = performance.now() - began;
    await Promise.all(others.map((caller) => caller.end()));
    note(`values ${took.toFixed(0)} ms after the leader's lease of 1000 ms began`);
    assert.equal(report.fetches, 1);
    assert.equal(report.values.length, 1);
    assert.deepEqual(report.errors, {});
    assert.ok(took < 1000 + 1000 + 100, `${took} ms`);
  });

  it("refuses the fill of a leader that was paused past its lease", async () => {
    const key = newKey();
    const [paused, ...others] = await startCallers(3, { url: redisUrl! });
    const options = { leaseTtl: 500, waitMax: 10_000 };
    const leading = paused!.call({ key, callers: 50, fetch: 300, value: "old", options });
    await leading.fetching;
    paused!.pause();
    const report = await herd({ key, callers: 50, fetch: 100, value: "new", options }, others);
    assert.equal(report.fetches, 1);
    assert.deepEqual(report.values, ["new"]);
    paused!.resume();
    const late = await leading.report;
    assert.deepEqual(late.values, ["old"]);
    assert.deepEqual(late.errors, {});
    assert.equal(late.outcomes["MISS-LEADER-NOCACHE"], 1);
    assert.equal(await client.get(key), '"new"');
    await Promise.all([paused!, ...others].map((caller) => caller.end()));
  });

  it("fetches twice when the first fetch fails, whoever makes the second", async () => {
    const report = await herd({ key: newKey(), callers: 100, fetch: 100, succeedsFrom: 2 });
    assert.equal(report.fetches, 2);
    // Only the caller whose own fetch failed.
    assert.deepEqual(report.errors, { SOURCE_DOWN: 1 });
    assert.equal(report.values.length, 1);
  });

  it("fails all callers soon when every fetch fails, after two fetches a process at most", async () => {
    const task = { key: newKey(), callers: 100, fetch: 200, succeedsFrom: Infinity } as const;
    const reports = await Promise.all(
      callers.map((caller) => caller.call({ ...task, succeedsFrom: 1e9 }).report),
    );
    const { errors, slowest, outcomes, fetches } = sum(reports);
    note(`${fetches} fetches, slowest caller ${slowest.toFixed(0)} ms: ${JSON.stringify(errors)}`);
    for (const each of reports) assert.ok(each.fetches <= 2);
    assert.deepEqual(outcomes, {});
    assert.equal(errors["SOURCE_DOWN"]! + errors["FETCHER_FAILED"]!, 400);
    assert.ok(slowest < 3 * 200, `${slowest} ms`);
  });

  it("refuses the fill of a fetch during which the key was deleted", async () => {
    const key = newKey();
    const { fetching, report } = callers[0]!.call({ key, callers: 10, fetch: 200, value: "old" });
    await fetching;
    await Effect.runPromise(redisAdapter({ client }).delete(key));
    const { values, outcomes } = await report;
    assert.deepEqual(values, ["old"]);
    assert.equal(outcomes["MISS-LEADER-NOCACHE"], 1);
    assert.equal(await client.exists(key), 0);
  });
});

function sum(reports: readonly Report[]): Report {
  const counts = (of: (report: Report) => Record<string, number>) => {
    const all: Record<string, number> = {};
    for (const report of reports) {
      for (const [name, count] of Object.entries(of(report))) all[name] = (all[name] ?? 0) + count;
    }
    return all;
  };
  return {
    outcomes: counts(({ outcomes }) => outcomes),
    errors: counts(({ errors }) => errors),
    values: [...new Set(reports.flatMap(({ values }) => values))],
    fetches: reports.reduce((all, { fetches }) => all + fetches, 0),
    fetch: Math.max(...reports.map(({ fetch }) => fetch)),
    slowest: Math.max(...reports.map(({ slowest }) => slowest)),
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)]! + sorted[Math.ceil(sorted.length / 2) - 1]!) / 2;
}
