import type * as Clock from "effect/Clock";
import * as Cause from "effect/Cause";
import { quoted } from "../model/describe.ts";
import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import type * as Fiber from "effect/Fiber";
import { nothing } from "../effect/nothing.ts";
import { type CacheLockingError, cacheLockingError, isCacheLockingError } from "../model/errors.ts";
import { attributesOf, type Keyed } from "./call.ts";
import type { Flight } from "./flight.ts";
import { type FiberContext, forkUninterruptible } from "../effect/fork.ts";
import { runHook, runUserCode } from "./user_code.ts";

/** On whose behalf something is done: a flight, or a call that needs none. */
export interface Asker {
  readonly call: Keyed;
  readonly clock: Clock.Clock;
  /** What fibers run with that are started on its behalf. */
  readonly context: FiberContext;
  /** Whether it has spans. */
  readonly hasSpans?: boolean;
  /** Takes what is thrown as it goes on. */
  die(defect: unknown): void;
}

/**
 * Runs an effect for a flight, in a fiber of its own with the first caller's context, and goes on with its exit. It can be
 * interrupted nowhere but where it says so itself. The flight dies of what is thrown then.
 */
export function run<A, E>(
  flight: Asker,
  effect: Effect.Effect<A, E, unknown>,
  next: (exit: Exit.Exit<A, E>) => void,
  context = flight.context,
): Fiber.Fiber<unknown, unknown> {
  const annotated = Effect.annotateLogs(effect, attributesOf(flight.call));
  return forkUninterruptible(context, annotated, (exit) => {
    try {
      next(exit);
    } catch (defect) {
      flight.die(defect);
    }
  });
}

/** Reports a failure that doesn't fail the call: to the hook `onError`, or else to the log. */
export function reportError(
  { key, settings: { hooks: { onError }, log, name } }: Keyed,
  error: CacheLockingError,
): Effect.Effect<unknown, unknown> {
  return onError === undefined
    ? log(error, name)
    : runHook("onError", key, () => onError(error, { key }));
}

/** The same from within a flight: a hook that fails there fails the first caller's call in the end. */
export function report(flight: Flight, error: CacheLockingError): Effect.Effect<void> {
  return Effect.matchCauseEffect(reportError(flight.call, error), {
    onSuccess: () => Effect.void,
    onFailure: (cause) =>
      Effect.sync(() => {
        flight.hookFailure ??= cause;
      }),
  });
}

/** Reports a failure that doesn't fail the call, and goes on. */
export function reportAnd(flight: Flight, error: CacheLockingError, next: () => void): void {
  run(flight, report(flight, error), next);
}

/** The same before its key may be fetched: a fetch of many keys waits for it. */
export function reportBefore(flight: Flight, error: CacheLockingError, next: () => void): void {
  const looked = flight.call.gather?.look();
  reportAnd(flight, error, () => {
    try {
      next();
    } finally {
      looked?.();
    }
  });
}

/** What is told of a fetch that failed in the background, where nobody has its error. */
export function backgroundFailure(key: string, cause: Cause.Cause<unknown>): CacheLockingError {
  const error = Cause.squash(cause);
  return isCacheLockingError(error) ? error : cacheLockingError(
    "FETCHER_FAILED",
    `Cannot fetch ${quoted(key)} in the background: the fetcher failed`,
    { key, phase: "fetch" },
    error,
  );
}

/**
 * Begins what may continue after the flight's callers have left or have been answered, and tells the host of it, which
 * might end it with them otherwise.
 */
export function inBackground(flight: Flight, begin: (done: () => void) => unknown): void {
  const { key, settings: { waitUntil } } = flight.call;
  if (waitUntil === undefined) return void begin(nothing);
  const ended = new Promise<void>((resolve) => void begin(resolve));
  const telling = runUserCode(
    { what: "`waitUntil`", key, phase: "hook" },
    () => Effect.sync(() => waitUntil(ended)),
  );
  const told = Effect.matchEffect(telling, {
    onSuccess: () => Effect.void,
    onFailure: (error) => report(flight, error as CacheLockingError),
  });
  run(flight, told, nothing);
}
