import { startDelays } from "../conformance/delays.ts";

/** How often something is tried. */
const TRIES = 3;

/** How late this process, or another, must have been for one more try, in milliseconds. */
const LATE = 50;

/**
 * Does what is measured by a clock; again if it fails and something was late in it: this process, or another for as long as
 * `late` is told. What fails on a machine that is never late has one try, and three on one that always is.
 */
export async function unlessLate<A>(
  work: (late: (millis: number) => void) => Promise<A>,
): Promise<A> {
  for (let left = TRIES - 1;; left--) {
    const delays = startDelays();
    try {
      return await work(delays.add);
    } catch (error) {
      if (left === 0 || delays.longest() < LATE) throw error;
    } finally {
      delays.stop();
    }
  }
}
