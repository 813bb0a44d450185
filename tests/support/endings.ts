import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomToken } from "../../src/model/token.ts";
import { type Backend, startCallers } from "./callers.ts";
import { startRecording } from "./recording.ts";

/** The backend whose processes end. */
export interface Endings extends Backend {
  /** The reason why they can't be run here. */
  readonly skip: string | false;
}

/** Less than what push outlives the last wait by, and much more than what a process needs to end, in milliseconds. */
const SOON = 900;

/** How often it is tried: a machine may be busy with something else. */
const TRIES = 4;

/** Tests that a process that has waited ends as soon as its client is closed, or has only idle connections. */
export function endings(name: string, { skip, ...backend }: Endings): void {
  describe(`the end of processes over ${name}`, { skip }, () => {
    it("comes at once after their last wait", async () => {
      const slowest: number[] = [];
      while (slowest.length < TRIES && !slowest.some((took) => took < SOON)) {
        const callers = await startCallers(2, backend, startRecording());
        const task = { key: `endings:${randomToken()}`, callers: 1, fetch: 500 };
        const reports = await Promise.all(callers.map((caller) => caller.call(task).report));
        const ends = await Promise.all(callers.map((caller) => caller.end()));
        const outcomes = reports.flatMap(({ outcomes }) => Object.keys(outcomes));
        assert.deepEqual(outcomes.sort(), ["MISS-FOLLOWER-HIT", "MISS-LEADER"]);
        slowest.push(Math.max(...ends));
      }
      const told = `the slower process ended after ${slowest.map(Math.round).join(", ")} ms`;
      assert.ok(slowest.at(-1)! < SOON, told);
      console.log(`    # ${name}: ${told}`);
    });
  });
}
