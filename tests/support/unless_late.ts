import { setTimeout as sleep } from "node:timers/promises";
import { startDelays } from "../conformance/delays.ts";

/** How often something is tried. */
const TRIES = 5;

/** How late this process, or another, must have been for one more try, in milliseconds. */
const LATE = 50;

/** How much longer is waited before each further try, so that what keeps the machine busy may end, in milliseconds. */
const PAUSE = 1000;

/**
 * Does what is measured by a clock; again, after a pause, if it fails and something was late in it: this process, or another
 * for as long as `late` is told. What fails on a machine that is never late has one try, and five on one that always is. Of
 * what failed before the last try, the message is printed.
 */
export async function unlessLate<A>(
  work: (late: (millis: number) => void) => Promise<A>,
): Promise<A> {
  for (let tries = 1;; tries++) {
    const delays = startDelays();
    try {
      return await work(delays.add);
    } catch (error) {
      const late = delays.longest();
      if (tries === TRIES || late < LATE) throw error;
      const message = error instanceof Error ? error.message : String(error);
      console.log(
        `    # try ${tries}, in which the machine was ${late.toFixed(0)} ms late: ${message}`,
      );
    } finally {
      delays.stop();
    }
    await sleep(tries * PAUSE);
  }
}
