import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { randomToken } from "../../src/model/token.ts";
import { type Backend, type Caller, startCallers } from "./callers.ts";
import { judgeAll, startRecording } from "./recording.ts";
import { unlessLate } from "./unless_late.ts";

/** The backend whose processes' clocks differ. */
export interface Skews extends Backend {
  /** The reason why they can't be run here. */
  readonly skip: string | false;
  /** How much longer a lease may live than it was told, in milliseconds; 0 by default. */
  readonly longer?: number | undefined;
}

const HOUR = 60 * 60 * 1000;
const LEASE = 1000;

/** Tests what processes promise together whose clocks are an hour ahead, right, and an hour behind. */
export function skews(name: string, { skip, longer = 0, ...backend }: Skews): void {
  describe(`clocks an hour apart over ${name}`, { skip }, () => {
    /** One leads, and is killed as it leads once more. */
    const together = async (
      leader: Caller,
      others: readonly Caller[],
      late: (millis: number) => void,
    ) => {
      const options = { cacheTtl: HOUR / 2, leaseTtl: LEASE, waitMax: 10_000 };
      const task = { callers: 20, fetch: 100, options };

      const healthy = { ...task, key: `skews:${randomToken()}`, fetch: 1.5 * LEASE };
      const led = leader.call(healthy);
      await led.fetching;
      const following = others.map((caller) => caller.call(healthy).report);
      const reports = await Promise.all([led.report, ...following]);
      for (const report of reports) late(report.late);
      assert.equal(reports.reduce((all, { fetches }) => all + fetches, 0), 1);
      assert.equal(new Set(reports.flatMap(({ values }) => values)).size, 1);
      for (const { errors } of reports) assert.deepEqual(errors, {});
      // And all see what is there.
      const seen = await Promise.all(others.map((caller) => caller.call(healthy).report));
      for (const { outcomes } of seen) assert.deepEqual(outcomes, { HIT: task.callers });

      const key = `skews:${randomToken()}`;
      await leader.call({ ...task, key, fetch: 60_000 }).fetching;
      const waiting = others.map((caller) => caller.call({ ...task, key }).report);
      await sleep(100);
      leader.kill();
      const killed = performance.now();
      const taken = await Promise.all(waiting);
      const took = performance.now() - killed;
      for (const report of taken) late(report.late);
      assert.equal(taken.reduce((all, { fetches }) => all + fetches, 0), 1);
      for (const { errors } of taken) assert.deepEqual(errors, {});
      assert.ok(took < LEASE + longer + task.fetch + 1000, `${took} ms`);
    };

    for (const leads of [HOUR, -HOUR]) {
      it(`fetches once, and takes over in time, if the leader's clock is ${leads > 0 ? "ahead" : "behind"}`, async () => {
        await unlessLate(async (late) => {
          const recording = startRecording();
          const started = await Promise.all(
            [leads, 0, -leads].map((skew) => startCallers(1, { ...backend, skew }, recording)),
          );
          const [leader, ...others] = started.flat() as [Caller, ...Caller[]];
          try {
            await together(leader, others, late);
          } finally {
            await Promise.all([leader, ...others].map((caller) => caller.end()));
          }
          assert.deepEqual(judgeAll(recording.histories(LEASE / 2)), []);
        });
      });
    }
  });
}
