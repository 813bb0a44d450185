import { Cause, Effect, type Exit } from "effect";
import type { Call } from "./call.ts";
import { causeKind } from "./cause.ts";
import { describe } from "./describe.ts";
import { cacheLockingError } from "./errors.ts";
import type { Flight } from "./flight.ts";
import { traced } from "./spans.ts";

/**
 * Runs the call's fetcher for its flight. What the fetcher throws is a `FETCHER_FAILED`; its own errors stay as they are.
 *
 * Nothing but the fetcher itself can be interrupted: whoever interrupts once the value is there comes too late.
 */
export function fetch(flight: Flight, call: Call): Effect.Effect<Exit.Exit<unknown, unknown>> {
  const { key } = call;
  const fetching = Effect.suspend(() => {
    const controller = new AbortController();
    flight.abort = () => controller.abort();
    const effect = call.fetcher({ key, signal: controller.signal });
    return Effect.isEffect(effect)
      ? Effect.interruptible(effect as Effect.Effect<unknown, unknown>)
      : Effect.fail(
        cacheLockingError(
          "VALIDATION_ERROR",
          `Cannot fetch ${JSON.stringify(key)}: the fetcher must return an Effect, and returned ${
            describe(effect)
          }`,
          { key, phase: "fetch" },
        ),
      );
  });
  const typed = Effect.matchCauseEffect(fetching, {
    onSuccess: Effect.succeed,
    onFailure: (cause) =>
      causeKind(cause) !== "Die" ? Effect.failCause(cause) : Effect.fail(
        cacheLockingError(
          "FETCHER_FAILED",
          `Cannot fetch ${JSON.stringify(key)}: the fetcher threw`,
          { key, phase: "fetch" },
          Cause.squash(cause),
        ),
      ),
  });
  return Effect.uninterruptible(
    Effect.flatMap(
      Effect.exit(traced("fetch", call, typed, () => "fetched")),
      // An interruption is the flight's, if it was interrupted, and the fetcher's own failure otherwise.
      (exit) =>
        exit._tag === "Failure" && causeKind(exit.cause) === "Interrupt"
          ? Effect.as(Effect.interruptible(Effect.void), exit)
          : Effect.succeed(exit),
    ),
  );
}
