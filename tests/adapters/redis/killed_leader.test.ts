import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startCallers } from "../../support/callers.ts";
import { startRecording } from "../../support/recording.ts";
import { redisUrl } from "./clients.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { newKey, skip } from "./fixture.ts";

describe("a leader that is killed over redis, with default options", { skip }, () => {
  it("costs three processes one more fetch, which is stored, and nobody falls back", () =>
    unlessLate(async (late) => {
      const backend = { connection: "redis/connection", place: { url: redisUrl! } };
      const [victim, ...others] = await startCallers(3, backend, startRecording());
      try {
        const task = { key: newKey(), callers: 50, fetch: 3000, unrecorded: true };
        const { fetching } = victim!.call(task);
        await fetching;
        const following = others.map((caller) => caller.call(task).report);
        await sleep(1000);
        victim!.kill();
        const reports = await Promise.all(following);
        for (const report of reports) late(report.late);
        const led = reports.map(({ outcomes }) => outcomes["MISS-LEADER"] ?? 0);
        const followed = reports.map(({ outcomes }) => outcomes["MISS-FOLLOWER-HIT"] ?? 0);
        assert.deepEqual(led.sort(), [0, 1]);
        assert.deepEqual(followed.sort(), [49, 50]);
        const slowest = Math.max(...reports.map(({ slowest }) => slowest));
        assert.ok(slowest < 10_000, `${slowest} ms`);
      } finally {
        await Promise.all(others.map((caller) => caller.end()));
      }
    }));
});
