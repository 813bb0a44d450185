import type { Call } from "./call.ts";
import { callersOwn } from "./user_code.ts";
import { causeKind } from "../effect/cause.ts";
import { Effect, type Exit } from "../effect/effect.ts";
import type { Flight } from "./flight.ts";
import { traced } from "./tracing.ts";

/**
 * Runs the call's fetcher for its flight. What the fetcher throws is a `FETCHER_FAILED`; its own errors stay as they are.
 *
 * Nothing but the fetcher itself can be interrupted: whoever interrupts once the value is there comes too late.
 */
export function fetch(flight: Flight, call: Call): Effect.Effect<Exit.Exit<unknown, unknown>> {
  const { key } = call;
  const fetcher = () => {
    const controller = new AbortController();
    flight.abort = () => controller.abort();
    // The last caller may have left just before.
    if (flight.callers === 0) flight.abort();
    return call.fetcher({ key, signal: controller.signal });
  };
  const fetching = callersOwn(
    { what: "the fetcher", key, phase: "fetch" },
    fetcher,
    Effect.interruptible,
  );
  return Effect.uninterruptible(
    Effect.flatMap(
      Effect.exit(traced("fetch", call, fetching, () => "fetched")),
      // An interruption is the flight's, if it was interrupted, and the fetcher's own failure otherwise.
      (exit) =>
        exit._tag === "Failure" && causeKind(exit.cause) === "Interrupt"
          ? Effect.as(Effect.interruptible(Effect.void), exit)
          : Effect.succeed(exit),
    ),
  );
}
