import type { Effect, Exit, Fiber } from "effect";
import { setImmediate } from "node:timers/promises";
import { seededRandom, shuffle } from "../support/random.ts";
import { runnerIn } from "../support/virtual_time.ts";

/** A world in virtual time: processes of their own, and what is between them. */
export interface World {
  /** How many milliseconds it is old. */
  readonly now: () => number;
  /** A random number below 1, from the seed. */
  readonly random: () => number;
  /** Has something happen outside of all processes; what it returns prevents it. */
  readonly after: (millis: number, happen: () => void) => () => void;
  /** Adds a process. */
  readonly process: () => Process;
  /** Goes on until nothing can happen any more. Throws if that takes until `end`. */
  readonly run: (end: number) => Promise<void>;
}

/** A process: fibers, timers and what comes in from outside. */
export interface Process {
  /** Starts an effect in it. */
  readonly start: <A, E>(
    effect: Effect.Effect<A, E>,
    ended: (exit: Exit.Exit<A, E>) => void,
  ) => Fiber.Fiber<A, E>;
  /** Has something happen in it: later where it is paused by then, never where it has crashed. */
  readonly after: (millis: number, happen: () => void) => () => void;
  /** Stops it where it stands. */
  readonly pause: () => void;
  /** Lets it go on; what it has missed comes all at once. */
  readonly resume: () => void;
  /** Ends it where it stands: nothing in it is run any more. */
  readonly crash: () => void;
  /** Lets nothing come between the next so many steps of what runs in it. */
  readonly hold: (steps: number) => void;
  /** Makes its wall clock jump. */
  readonly skew: (millis: number) => void;
  /** How many of its timers are set. */
  readonly timers: () => number;
}

/** What a world is made of. */
export interface WorldOptions {
  readonly seed: number;
  /** How likely a fiber is to yield after a step. */
  readonly yields: number;
}

interface Happening {
  readonly at: number;
  /** Decides between those of the same moment. */
  readonly lot: number;
  readonly happen: () => void;
  cancelled: boolean;
}

/** What wall clocks show when a world begins. */
export const EPOCH = 1_700_000_000_000;

/** How much may happen at one moment, before the world is taken to turn in circles. */
const MOST_AT_ONCE = 100_000;

/** Makes a world in which chance, from the seed, orders what happens at the same moment. */
export function makeWorld({ seed, yields }: WorldOptions): World {
  const random = seededRandom(seed);
  const happenings = makeHeap();
  const ready: { run: () => void }[] = [];
  let now = 0;

  const after = (millis: number, happen: () => void) => {
    const happening = { at: now + Math.max(0, millis), lot: random(), happen, cancelled: false };
    happenings.add(happening);
    return () => void (happening.cancelled = true);
  };

  const process = (): Process => {
    let state: "running" | "paused" | "crashed" = "running";
    let skew = 0;
    let timers = 0;
    let held = 0;
    let missed: (() => void)[] = [];
    const enter = (happen: () => void) => {
      if (state === "running") happen();
      else if (state === "paused") missed.push(happen);
    };
    const timer = (millis: number, wake: () => void) => {
      let over = false;
      timers++;
      const end = () => {
        if (over) return false;
        over = true;
        timers--;
        return true;
      };
      const cancel = after(millis, () => enter(() => end() && wake()));
      return () => void (end() && cancel());
    };
    const runner = runnerIn(
      { wall: () => EPOCH + now + skew, monotonic: () => 3_600_000 + now, after: timer },
      {
        schedule: (task) => void ready.push({ run: () => enter(task) }),
        yields: (steps) => {
          const yielding = steps > 2048 || random() < yields;
          if (held === 0) return yielding;
          held--;
          return false;
        },
      },
    );
    return {
      start: runner.start,
      after: (millis, happen) => after(millis, () => enter(happen)),
      pause: () => {
        if (state === "running") state = "paused";
      },
      resume: () => {
        if (state !== "paused") return;
        state = "running";
        const all = missed;
        missed = [];
        for (const happen of all) ready.push({ run: () => enter(happen) });
      },
      crash: () => {
        state = "crashed";
        missed = [];
      },
      hold: (steps) => void (held = steps),
      skew: (millis) => void (skew += millis),
      timers: () => state === "crashed" ? 0 : timers,
    };
  };

  const runReady = () => {
    const batch = ready.splice(0);
    shuffle(batch, random);
    for (const { run } of batch) run();
  };

  const run = async (end: number) => {
    let atOnce = 0;
    for (;;) {
      await settle();
      if (ready.length === 0 && happenings.size() === 0) await setImmediate();
      if (ready.length > 0) {
        if (++atOnce > MOST_AT_ONCE) throw new Error(`Cannot go on: no end of it at ${now} ms`);
        runReady();
        continue;
      }
      const next = happenings.take();
      if (next === undefined) return;
      if (next.cancelled) continue;
      if (next.at > end) throw new Error(`Cannot go on: there is no rest by ${end} ms`);
      if (next.at > now) atOnce = 0;
      now = next.at;
      next.happen();
    }
  };

  return { now: () => now, random, after, process, run };
}

/** Lets promises that are over be heard of. No chain of them in the engine or its tests is longer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await undefined;
}

/** What happens, the earliest first. */
function makeHeap() {
  const heap: Happening[] = [];
  const before = (a: Happening, b: Happening) => a.at < b.at || (a.at === b.at && a.lot < b.lot);
  return {
    size: () => heap.length,
    add(happening: Happening) {
      let i = heap.push(happening) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(happening, heap[parent]!)) break;
        heap[i] = heap[parent]!;
        i = parent;
      }
      heap[i] = happening;
    },
    take(): Happening | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
        if (!before(heap[child]!, last)) break;
        heap[i] = heap[child]!;
        i = child;
      }
      heap[i] = last;
      return first;
    },
  };
}
