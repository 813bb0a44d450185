import { callback } from "../effect/callback.ts";
import { monotonicMillis } from "../effect/clock.ts";
import * as Effect from "effect/Effect";
import { inBackground, reportAnd, run } from "./background.ts";
import { contend } from "./contend.ts";
import { bypassCache } from "./fetch_alone.ts";
import {
  type Caller,
  type End,
  type Flight,
  flightsFor,
  openFlight,
  type Result,
} from "./flight.ts";
import { operate, phaseError } from "./operation.ts";
import { complete, leave, rejoin, wait, whenEnded } from "./single_flight.ts";
import { isFresh } from "../store/store.ts";
import { inOwnSpan } from "./tracing.ts";

/** Joins who reads the key beside a flight that fetches it, or reads it. Who finds nothing joins that flight. */
export function readBeside(caller: Caller): void {
  const flights = flightsFor(caller.call, "reading");
  const current = flights?.get(caller.call.key);
  if (current !== undefined) return wait(current, caller, Infinity, caller.failuresLeft);
  const flight = openFlight(caller, flights);
  read(flight, () => complete<End>(flight, { _tag: "Cancelled" }));
}

/** Reads for all who come meanwhile; a miss goes on from there. What is stale ends it, as not all may have that. */
export function read(flight: Flight, onMiss?: () => void): void {
  const { call } = flight;
  const goOn = (work: (flight: Flight) => void) => (onMiss ?? (() => start(flight, work)))();
  const giveUp = operate(flight, "get", [], {
    onSuccess(entry) {
      if (entry === undefined) { // mutate: miss
        flight.cold = true;
        return goOn(contend);
      }
      const { value, freshFor = 0 } = entry;
      complete<End>(
        flight,
        isFresh(entry) // mutate: stale
          ? { _tag: "Value", value, source: "hit", stored: true }
          : { _tag: "Stale", value, staleFor: -freshFor, at: monotonicMillis(flight.clock) },
      );
    },
    onFailure(error) {
      const failure = phaseError(call, error);
      const bypass = call.settings.bypass && failure._tag !== "VALIDATION_ERROR";
      if (!(error.corrupt || bypass)) { // mutate: corrupt entry
        return complete<End>(flight, { _tag: "Failed", error: failure, scope: "all" });
      }
      reportAnd(flight, failure, () => goOn(error.corrupt ? contend : bypassCache));
    },
  });
  const stop = () => {
    giveUp();
    complete<End>(flight, { _tag: "Cancelled" });
  };
  if (!flight.works) flight.stop = stop;
}

/** Has the flight work, in the span of its first caller. */
export function start(flight: Flight, work: (flight: Flight) => void): void {
  const { first } = flight;
  if (flight.completed !== undefined) return;
  if (first.span === "missing" && first.flight === flight) {
    const inside = () => waitIn(first, () => start(flight, work));
    return first.resume!(inOwnSpan(first, inside, flight.refreshes));
  }
  flight.context = first.context;
  flight.hasSpans = first.span === "open";
  flight.works = true;
  flight.stop = undefined;
  // Those who have joined its read get their own spans.
  if (flight.hasSpans) rejoin(flight);
  if (flight.call.settings.waitUntil !== undefined) {
    inBackground(flight, (done) => whenEnded(flight, done));
  }
  if (first.wokenAt === undefined) return work(flight);
  // All who were woken with it are there before a fetch that takes no time has ended.
  run(flight, Effect.sleep(0), () => work(flight));
}

/** Waits in the flight that `enter` enters, and leaves it if it is interrupted. */
export function waitIn(caller: Caller, enter: () => void): Result {
  return callback((resume) => {
    caller.resume = resume;
    enter();
    return Effect.suspend(() => leave(caller));
  });
}
