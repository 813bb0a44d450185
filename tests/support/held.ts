import assert from "node:assert/strict";
import process from "node:process";
import { machineClock } from "../../src/effect/clock.ts";
import { deadline } from "../../src/effect/deadline.ts";

/** Why timers can't be looked at here, if they can't. */
export const withoutTimers: string | false = process.versions["bun"] === undefined
  ? false
  : "Bun's modules don't see that `setTimeout` was replaced";

/** Asserts that what goes on once the work is done has timers, and that none of them holds the process; then ends it. */
export async function holdsNoProcess(work: () => Promise<void>, end: () => void): Promise<void> {
  // All deadlines share a timer, which an earlier test may have left.
  await new Promise<void>((resolve) => void deadline(machineClock, 0, resolve));
  const { setTimeout } = globalThis;
  const waiting = new Set<{ hasRef(): boolean }>();
  globalThis.setTimeout = ((run: () => void, millis?: number) => {
    const timer = setTimeout(() => {
      waiting.delete(timer as never);
      run();
    }, millis);
    waiting.add(timer as never);
    return timer;
  }) as typeof setTimeout;
  const { clearTimeout } = globalThis;
  globalThis.clearTimeout = ((timer: never) => {
    waiting.delete(timer);
    clearTimeout(timer);
  }) as typeof clearTimeout;
  try {
    await work();
    assert.ok(waiting.size > 0);
    assert.ok([...waiting].every((timer) => !timer.hasRef()));
    end();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
