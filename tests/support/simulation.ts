import { Clock, Duration, Effect, type Exit, type Fiber } from "effect";
import { setImmediate } from "node:timers/promises";

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
  const random = mulberry32(seed ?? 0);
  const timers = new Set<Timer>();
  let tasks: (() => void)[] = [];
  let now = 1_700_000_000_000;
  let skew = 0;

  const sleep = (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
    Effect.promise((over) =>
      new Promise<void>((wake) => {
        const timer = { at: now + Math.max(0, Duration.toMillis(duration)), wake };
        timers.add(timer);
        over.addEventListener("abort", () => timers.delete(timer));
      })
    );
  const millis = () => now + skew;
  const nanos = () => BigInt(Math.round(now * 1e6));
  // Under the names of Effect 3 and of Effect 4.
  const clock = {
    [Symbol.for("effect/Clock")]: Symbol.for("effect/Clock"),
    unsafeCurrentTimeMillis: millis,
    currentTimeMillisUnsafe: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeNanosUnsafe: nanos,
    monotonicTimeNanosUnsafe: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanos: Effect.sync(nanos),
    sleep,
  } as unknown as Clock.Clock;

  const scheduleTask = (task: () => void) => void tasks.push(task);
  const scheduler = {
    executionMode: "async",
    shouldYield: (fiber: { currentOpCount: number }) =>
      (seed === undefined ? fiber.currentOpCount > 2048 : random() < 0.05) ? 1 : false,
    scheduleTask,
    makeDispatcher: () => ({ scheduleTask, flush: () => {} }),
  };

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
    const fiber = runFork(withClock(effect, clock), { scheduler });
    let exit: Exit.Exit<A, E> | undefined;
    fiber.addObserver((result) => exit = result);
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
    now: () => now,
    skew: (millis) => skew += millis,
    timers: () => timers.size,
    random,
  };
}

type Runner = <A, E>(
  effect: Effect.Effect<A, E>,
  options: { readonly scheduler: unknown },
) => Fiber.Fiber<A, E> & { addObserver(observer: (exit: Exit.Exit<A, E>) => void): void };

// The two majors' schedulers have different types, and one object serves both.
const runFork = Effect.runFork as unknown as Runner;

const effects = Effect as unknown as {
  withClock?: <A, E>(effect: Effect.Effect<A, E>, clock: Clock.Clock) => Effect.Effect<A, E>;
};

/** Effect 3 keeps its clock apart from the context. */
function withClock<A, E>(effect: Effect.Effect<A, E>, clock: Clock.Clock): Effect.Effect<A, E> {
  return effects.withClock?.(effect, clock) ??
    Effect.provideService(effect, Clock.Clock as never, clock as never);
}

/** A seeded generator: mulberry32, by Tommy Ettinger, in the public domain. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
