import { machineClock } from "./clock.ts";
import type * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { interruptNoWait } from "./fork.ts";
import { inWorkers } from "./runtime.ts";

/**
 * Calls `expire` after a time in milliseconds, unless it is cancelled before. Returns the function that cancels it, which
 * returns whether it was in time. If the event loop was blocked until then, input that has arrived meanwhile comes first.
 * Unless it `holds` the process, that may end before.
 */
export function deadline(
  clock: Clock.Clock,
  millis: number,
  expire: () => void,
  holds = true,
): () => boolean {
  if (millis === Infinity) return () => true;
  if (clock === machineClock && !inWorkers) {
    const deadline = { at: performance.now() + millis, expire, index: deadlines.length, holds };
    deadlines.push(deadline);
    if (holds && holding++ === 0) timer?.ref?.();
    if (deadline.at < timerAt) setTimer(deadline.at);
    return () => remove(deadline);
  }
  let over = false;
  const sleeper = Effect.runFork(
    Effect.map(clock.sleep(Duration.millis(millis)), () => {
      if (over) return;
      over = true;
      expire();
    }),
  );
  return () => {
    if (over) return false;
    over = true;
    interruptNoWait(sleeper);
    return true;
  };
}

interface Deadline {
  /** By the machine's monotonic clock, in milliseconds. */
  readonly at: number;
  readonly expire: () => void;
  /** Its index in `deadlines`, while it is there. */
  index: number;
  readonly holds: boolean;
}

// All share one timer, which stays when they are cancelled. A timer for each operation, set and cleared, took an eighth of
// a remote hit.
const deadlines: Deadline[] = [];
/** How many of them hold the process. */
let holding = 0;
let timer: Timer | undefined;
let timerAt = Infinity;

/** What a timer can do where it can hold a process. */
type Timer = ReturnType<typeof setTimeout> & {
  readonly ref?: () => void;
  readonly unref?: () => void;
};

/** The longest that a timer can be set for, in milliseconds: 24 days. */
const LONGEST = 2 ** 31 - 1;

/** Whether it was there. The timer holds the process for those alone that are to. */
function remove(deadline: Deadline): boolean {
  const { index } = deadline;
  if (deadlines[index] !== deadline) return false;
  const last = deadlines.pop()!;
  if (last !== deadline) deadlines[last.index = index] = last;
  if (deadline.holds) holding--;
  if (holding > 0 || timer === undefined) return true;
  if (timer.unref !== undefined) {
    timer.unref();
  } else if (deadlines.length === 0) {
    clearTimeout(timer);
    timerAt = Infinity;
  }
  return true;
}

function setTimer(at: number): void {
  clearTimeout(timer);
  const millis = Math.max(0, at - performance.now());
  timer = setTimeout(sweep, Math.min(millis, LONGEST)) as Timer;
  if (holding === 0) timer.unref?.();
  timerAt = at;
}

function sweep(): void {
  const now = performance.now();
  timer = undefined;
  timerAt = Infinity;
  const over: Deadline[] = [];
  let next = Infinity;
  for (const each of deadlines) {
    if (each.at <= now) over.push(each);
    else next = Math.min(next, each.at);
  }
  if (next < Infinity) setTimer(next);
  afterInput(() => {
    for (const each of over.sort((a, b) => a.at - b.at)) {
      if (remove(each)) each.expire();
    }
  });
}

const { setImmediate: afterInput = (run: () => void) => void setTimeout(run, 0) } =
  globalThis as unknown as { readonly setImmediate?: (run: () => void) => void };
