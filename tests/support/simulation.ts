import { Cause, Effect, type Exit } from "effect";
import { setImmediate } from "node:timers/promises";
import { seededRandom, shuffle } from "./random.ts";
import { runnerIn } from "./virtual_time.ts";

/** What a simulation may be told. */
export interface SimulationOptions {
  /** Lets chance, from this seed, decide which fiber runs next and where fibers yield; without it all go in order. */
  readonly seed?: number | undefined;
}

/** A world with a clock of its own, which jumps to the next timer when nothing else can happen. */
export interface Simulation {
  /** Runs an effect to its end in this world. Fails if it hangs. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>;
  /** The same, and gives its exit. */
  readonly runExit: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>;
  /** Begins an effect in this world, for code in it that speaks in promises. */
  readonly promise: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>;
  /** The time in milliseconds, from an hour of its own on. */
  readonly now: () => number;
  /** Makes the wall clock jump, and no other. */
  readonly skew: (millis: number) => void;
  /** How many sleepers there are. */
  readonly timers: () => number;
  /** A random number below 1, from the seed. */
  readonly random: () => number;
}

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

/** Makes a world. Fibers, timers and promises run in it; real I/O doesn't. */
export function simulate({ seed }: SimulationOptions = {}): Simulation {
  const random = seededRandom(seed ?? 0);
  const timers = new Set<Timer>();
  let tasks: (() => void)[] = [];
  let now = 1_700_000_000_000;
  let skew = 0;

  const after = (millis: number, wake: () => void) => {
    const timer = { at: now + millis, wake };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const runner = runnerIn(
    { wall: () => now + skew, monotonic: () => now, after },
    {
      schedule: (task) => void tasks.push(task),
      yields: (steps) => seed === undefined ? steps > 2048 : random() < 0.05,
    },
  );

  const runTasks = () => {
    const batch = tasks;
    tasks = [];
    if (seed !== undefined) shuffle(batch, random);
    for (const task of batch) task();
  };
  const jump = () => {
    now = Math.min(...[...timers].map((timer) => timer.at));
    const due = [...timers].filter((timer) => timer.at <= now);
    if (seed !== undefined) shuffle(due, random);
    for (const timer of due) {
      timers.delete(timer);
      timer.wake();
    }
  };

  const runExit = async <A, E>(effect: Effect.Effect<A, E>): Promise<Exit.Exit<A, E>> => {
    let exit: Exit.Exit<A, E> | undefined;
    runner.start(effect, (result) => exit = result);
    let stalls = 0;
    while (exit === undefined) {
      await setImmediate();
      if (tasks.length > 0) runTasks();
      else if (timers.size > 0) jump();
      else if (++stalls < 5) continue;
      else if (exit === undefined) {
        throw new Error("Cannot go on: nothing is left to run, and the effect hangs");
      }
      stalls = 0;
    }
    return exit;
  };

  return {
    runExit,
    run: async (effect) => {
      const exit = await runExit(effect);
      return Effect.runSync(exit);
    },
    promise: (effect) =>
      new Promise((resolve, reject) =>
        runner.start(
          effect,
          (exit) =>
            exit._tag === "Success" ? resolve(exit.value) : reject(Cause.squash(exit.cause)),
        )
      ),
    now: () => now,
    skew: (millis) => skew += millis,
    timers: () => timers.size,
    random,
  };
}
