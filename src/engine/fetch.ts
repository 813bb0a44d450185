import type { FetchContext } from "./call.ts";
import { runUserCode } from "./user_code.ts";
import { causeKind } from "../effect/cause.ts";
import { type Cause, Effect, type Exit } from "../effect/effect.ts";
import type { End, Flight } from "./flight.ts";
import { traced } from "./tracing.ts";

/**
 * Runs the call's fetcher for its flight. What the fetcher throws is a `FETCHER_FAILED`; its own errors stay as they are.
 *
 * Nothing but the fetcher itself can be interrupted: an interruption that comes once the value is there comes too late.
 */
export function fetch(flight: Flight): Effect.Effect<Exit.Exit<unknown, unknown>> {
  const { call } = flight.first;
  const fetching = runUserCode(
    { what: "the fetcher", key: call.key, phase: "fetch" },
    () => call.fetcher(contextOf(flight)),
    Effect.interruptible,
  );
  return Effect.exit(traced(flight, "fetch", fetching, () => "fetched"));
}

/** How a flight ends whose fetch failed: without a result if it was interrupted because the last caller has left. */
export function endOfFetch(flight: Flight, cause: Cause.Cause<unknown>): End {
  return flight.cancelled && causeKind(cause) === "Interrupt"
    ? { _tag: "Cancelled" }
    : { _tag: "FetchFailed", cause };
}

/** What the fetcher receives. Its signal is made when it is first read: most fetchers don't. */
function contextOf(flight: Flight): FetchContext {
  let controller: AbortController | undefined;
  return {
    key: flight.key,
    get signal() {
      return (controller ??= controllerOf(flight)).signal;
    },
  };
}

function controllerOf(flight: Flight): AbortController {
  const controller = new AbortController();
  flight.onCancel = () => controller.abort();
  // The last caller may have left just before.
  if (flight.cancelled) flight.onCancel();
  return controller;
}
