import { backgroundFailure, report } from "./background.ts";
import { CacheOutcome } from "../model/cache_outcome.ts";
import { contend } from "./contend.ts";
import * as Effect from "effect/Effect";
import type { CacheLockingError } from "../model/errors.ts";
import {
  type Caller,
  type End,
  type Flight,
  flightsFor,
  openFlight,
  type Result,
} from "./flight.ts";
import { fork } from "../effect/fork.ts";
import type { Signal, Wake } from "./single_flight.ts";
import { forgetQuiet, keepQuiet, type Quiet, quietReason } from "./stale.ts";
import { start } from "./start.ts";
import type { Entry } from "../store/store.ts";

/**
 * Refreshes the key for nobody, unless this process fetches it already. Those who need it can join. The entry may be fresh
 * still, for so many milliseconds.
 */
export function refresh(caller: Caller, freshFor = 0): void {
  const { call, call: { key, settings } } = caller;
  const flights = flightsFor(call, "leading");
  if (flights?.has(key)) return;
  const ahead = { ...call, settings: { ...settings, freshBelow: freshFor } };
  const asker = freshFor > 0 ? { ...caller, call: ahead } : caller;
  // Those who can't join it have no need to ask either.
  const quiet = keepQuiet(asker, settings.leaseTtl, false); // mutate: quiet beside a refresh
  const flight = openFlight(newRefresher(asker, quiet), flights);
  flight.refreshes = true;
  start(flight, contend); // mutate: refresh
}

/** Refreshes an entry that was found fresh, unless somebody is known to do so. */
export function refreshAhead(caller: Caller, { freshFor = 0 }: Entry<unknown>): void {
  if (quietReason(caller, -freshFor) === undefined) refresh(caller, freshFor);
}

/**
 * Who stands for the process in a refresh that a caller begins, and keeps it quiet: it never leaves, and has no hooks run but
 * `onError`.
 */
function newRefresher(caller: Caller, quiet: Quiet): Caller {
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
  const isOver = signal._tag === "Value" || (signal._tag === "FetchFailed" && errorBackoff === 0);
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
