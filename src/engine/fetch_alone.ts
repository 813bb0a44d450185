import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { fetch } from "./fetch.ts";
import { type End, type Flight, flightsFor } from "./flight.ts";
import { asStored, outOfFailures } from "./result.ts";
import { complete, countFailure, isBusy, leave, wait, type Waiter } from "./single_flight.ts";

/** Fetches without a lease, and stores nothing. In place of the cache it joins a fallback of this process. */
export function fetchAlone(
  flight: Flight,
  source: "fallback" | "bypass",
  next: (end: End) => void,
): void {
  const { call, key } = flight;
  flight.step = undefined;
  // Nobody may be left, as its acquire failed.
  if (flight.cancelled) return next({ _tag: "Cancelled" }); // mutate: nobody left
  const current = source === "bypass" ? flightsFor(call, "fallingBack")?.get(key) : undefined;
  if (current !== undefined && isBusy(current)) return share(flight, current, next); // mutate: bypass joins
  fetch(flight, {
    onValue: (value) =>
      next({ _tag: "Value", value: asStored(call, value), source, stored: false }),
    onEnd: next,
  });
}

/** Waits for the value of another flight; fetches if it has none. */
function share(flight: Flight, current: Flight, next: (end: End) => void): void {
  const waiter: Waiter<End> = {
    flight: undefined,
    group: undefined,
    index: 0,
    woken(_, { signal }) {
      flight.stop = undefined;
      if (signal._tag === "Value") {
        return next({ _tag: "Value", value: signal.value, source: "bypass", stored: false });
      }
      if (signal._tag === "FetchFailed") {
        const { first } = flight;
        first.lastFailure = Cause.squash(signal.cause);
        countFailure(flight);
        if (--first.failuresLeft <= 0) {
          return next({ _tag: "Failed", error: outOfFailures(first), scope: "first" });
        }
      }
      fetchAlone(flight, "bypass", next);
    },
  };
  const stop = () => {
    Effect.runFork(leave(waiter));
    complete<End>(flight, { _tag: "Cancelled" });
  };
  flight.stop = stop;
  wait(current, waiter, current.busyUntil!, Infinity);
}

/** Fetches in place of a cache that has failed. */
export function bypassCache(flight: Flight): void {
  fetchAlone(flight, "bypass", (end) => complete<End>(flight, end));
}
