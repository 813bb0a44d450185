import { Clock, Duration, Effect, type Exit, type Fiber } from "effect";
import { callback } from "../../src/effect/callback.ts";

/** The time of a world that is not this one. */
export interface Time {
  /** What a wall clock shows, in epoch milliseconds. */
  readonly wall: () => number;
  /** What never goes back, in milliseconds. */
  readonly monotonic: () => number;
  /** Wakes after so many milliseconds, unless what it returns is called before. */
  readonly after: (millis: number, wake: () => void) => () => void;
}

/** Decides when the fibers of a world run. */
export interface Scheduling {
  /** Takes what is to be run. */
  readonly schedule: (task: () => void) => void;
  /** Whether a fiber yields to the others, after so many steps on end. */
  readonly yields: (steps: number) => boolean;
}

/** Runs effects in a world. */
export interface Runner {
  /** Starts an effect and tells of its end. */
  readonly start: <A, E>(
    effect: Effect.Effect<A, E>,
    ended: (exit: Exit.Exit<A, E>) => void,
  ) => Fiber.Fiber<A, E>;
}

/** Makes what runs effects by another time than this world's. Fibers that these start are in that world, too. */
export function runnerIn(time: Time, scheduling: Scheduling): Runner {
  const clock = clockOf(time);
  const scheduler = schedulerOf(scheduling);
  return {
    start: (effect, ended) => {
      const fiber = runFork(withClock(effect, clock), { scheduler });
      fiber.addObserver(ended);
      return fiber;
    },
  };
}

/** A clock under the names of Effect 3 and of Effect 4. */
function clockOf({ wall, monotonic, after }: Time): Clock.Clock {
  const sleep = (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
    callback<void, never>((resume) => {
      const cancel = after(Math.max(0, Duration.toMillis(duration)), () => resume(Effect.void));
      return Effect.sync(cancel);
    });
  const monotonicNanos = () => BigInt(Math.round(monotonic() * 1e6));
  return {
    [Symbol.for("effect/Clock")]: Symbol.for("effect/Clock"),
    unsafeCurrentTimeMillis: wall,
    currentTimeMillisUnsafe: wall,
    unsafeCurrentTimeNanos: monotonicNanos,
    currentTimeNanosUnsafe: () => BigInt(Math.round(wall() * 1e6)),
    monotonicTimeNanosUnsafe: monotonicNanos,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(monotonicNanos),
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep,
  } as unknown as Clock.Clock;
}

function schedulerOf({ schedule, yields }: Scheduling): unknown {
  return {
    executionMode: "async",
    shouldYield: (fiber: { currentOpCount: number }) => yields(fiber.currentOpCount) && yielding,
    scheduleTask: schedule,
    makeDispatcher: () => ({ scheduleTask: schedule, flush: () => {} }),
  };
}

// A priority would be set and reset by Effect 3 in several steps, each of which may yield again, without end.
const yielding = "withClock" in Effect ? undefined : true;

type RunFork = <A, E>(
  effect: Effect.Effect<A, E>,
  options: { readonly scheduler: unknown },
) => Fiber.Fiber<A, E> & { addObserver(observer: (exit: Exit.Exit<A, E>) => void): void };

// The two majors' schedulers have different types, and one object serves both.
const runFork = Effect.runFork as unknown as RunFork;

const effects = Effect as unknown as {
  withClock?: <A, E>(effect: Effect.Effect<A, E>, clock: Clock.Clock) => Effect.Effect<A, E>;
};

/** Effect 3 keeps its clock apart from the context. */
function withClock<A, E>(effect: Effect.Effect<A, E>, clock: Clock.Clock): Effect.Effect<A, E> {
  return effects.withClock?.(effect, clock) ??
    Effect.provideService(effect, Clock.Clock as never, clock as never);
}
