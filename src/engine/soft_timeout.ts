import { monotonicMillis, wholeMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import type { Caller, Flight } from "./flight.ts";
import { newRefresher } from "./refresher.ts";
import { staleResult } from "./result.ts";
import { handOut, leave } from "./single_flight.ts";
import { keepQuiet, staleOf } from "./stale.ts";
import { count } from "./telling.ts";
import { traceOf } from "./tracing.ts";

/** Begins a caller's `softTimeout`, unless it has begun, if it may have the stale value that it has read. */
export function beginSoftTimeout(caller: Caller): void {
  const { call: { settings: { softTimeout } }, clock } = caller;
  if (softTimeout === Infinity || staleOf(caller) === undefined) return;
  caller.softUntil ??= monotonicMillis(clock) + softTimeout;
}

/**
 * Gives a caller that waits the stale value once its `softTimeout` is over, if it may still have that; what is returned ends
 * this. What it would fetch goes on as a refresh.
 */
export function limitWait(caller: Caller, softUntil: number): () => unknown {
  const { clock } = caller;
  const left = Math.max(0, softUntil - monotonicMillis(clock));
  return deadline(clock, left, () => { // mutate: soft timeout
    const flight = caller.flight as Flight | undefined;
    const stale = staleOf(caller); // mutate: stale after a soft timeout
    if (flight === undefined || stale === undefined) return;
    // What is fetched is only to be stored.
    if (flight.known !== undefined) return handOut(flight, flight.known);
    if (caller === flight.first || flight.waiting === 1) goOnAsRefresh(flight); // mutate: slow fetch
    // Nobody waits until it has left.
    void leave(caller);
    caller.within?.nested?.delete(caller);
    caller.wokenAt = wholeMillis(clock);
    caller.resume!(staleResult(caller, stale, { reason: "slow" }));
  });
}

/** Has a flight that leads, or asks whether it does, go on for nobody. One that waits for another process needn't. */
function goOnAsRefresh(flight: Flight): void {
  const { step, first, call, call: { settings } } = flight;
  if (step === undefined || flight.refreshes) return;
  if (step === "leads") count(call, "refreshes");
  const quiet = keepQuiet(first, settings.leaseTtl, false, traceOf(flight));
  flight.first = newRefresher(first, quiet);
  flight.first.flight = flight;
  flight.waiting++; // mutate: stands for it
  flight.refreshes = true;
}
