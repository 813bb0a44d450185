import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { callback } from "../../src/effect/callback.ts";
import { times } from "../support/herd.ts";
import { seededRandom } from "../support/random.ts";
import { runnerIn } from "../support/virtual_time.ts";

describe("callback", () => {
  for (const seed of times(20, (seed) => seed)) {
    it(`is called off wherever it is interrupted, seed ${seed}`, async () => {
      for (let turns = 0;; turns++) {
        const { registered, calledOff, over } = await interruptedAfter(seed, turns);
        assert.equal(calledOff, registered, `interrupted after ${turns} turns`);
        if (over) return;
      }
    });
  }
});

/** Waits in a fiber that yields at random, and that is interrupted after so many turns. */
async function interruptedAfter(seed: number, turns: number) {
  const random = seededRandom(seed);
  const tasks: (() => void)[] = [];
  const runner = runnerIn(
    { wall: () => 0, monotonic: () => 0, after: () => () => {} },
    { schedule: (task) => void tasks.push(task), yields: () => random() < 0.3 },
  );
  /** Whether there was nothing left to do. */
  const run = async (most: number) => {
    for (let turn = 0; turn < most; turn++) {
      await setImmediate();
      const task = tasks.shift();
      if (task === undefined) return true;
      task();
    }
    return false;
  };
  let registered = 0;
  let calledOff = 0;
  const waiting = callback(() => {
    registered++;
    return Effect.sync(() => void calledOff++);
  });
  const fiber = runner.start(waiting, () => {});
  const over = await run(turns);
  runner.start(Fiber.interrupt(fiber), () => {});
  await run(Infinity);
  return { registered, calledOff, over };
}
