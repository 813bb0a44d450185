import { backgroundFailure, report } from "./background.ts";
import { CacheOutcome } from "../model/cache_outcome.ts";
import * as Effect from "effect/Effect";
import type { CacheLockingError } from "../model/errors.ts";
import type { Caller, End, Flight, Result } from "./flight.ts";
import { fork } from "../effect/fork.ts";
import type { Signal, Wake } from "./single_flight.ts";
import { forgetQuiet, type Quiet } from "./stale.ts";

/**
 * Who stands for the process in a refresh that a caller begins, and keeps it quiet: it never leaves, and has no hooks run but
 * `onError`.
 */
export function newRefresher(caller: Caller, quiet: Quiet): Caller {
  return {
    ...caller,
    group: undefined,
    woken(this: Caller, flight: Flight, { signal }: Wake<End>) {
      this.resume!(refreshed(flight, signal, quiet));
    },
    resume: (result) => void fork(caller.context, Effect.exit(result)),
    within: undefined,
    failuresLeft: Infinity,
    span: caller.span === "none" ? "none" : "missing",
  };
}

/** The end of a refresh; a failure is reported. */
function refreshed(flight: Flight, signal: Signal<End>, quiet: Quiet): Result {
  const { key, call: { settings: { store, errorBackoff } } } = flight;
  // Nobody but the end of its client cancels it.
  const isOver = signal._tag === "Value" || signal._tag === "Cancelled" ||
    (signal._tag === "FetchFailed" && errorBackoff === 0);
  if (isOver) forgetQuiet(store, key, quiet);
  const fail = (error: CacheLockingError) =>
    Effect.flatMap(report(flight, error), () => Effect.fail(error));
  switch (signal._tag) {
    case "Value":
      return signal.invalid === undefined
        ? Effect.succeed({ value: signal.value, meta: { cache: CacheOutcome.MISS_LEADER } })
        : fail(signal.invalid);
    case "Failed":
      return fail(signal.error);
    case "FetchFailed":
    case "Died":
      return fail(backgroundFailure(key, signal.cause));
    default:
      return Effect.succeed({ value: undefined, meta: { cache: CacheOutcome.STALE } });
  }
}
