import { monotonicMillis } from "../effect/clock.ts";
import { reportBefore } from "./background.ts";
import { failsAsClosed, join } from "./closing.ts";
import { contend } from "./contend.ts";
import { isElected } from "./election.ts";
import { bypassCache } from "./fetch_alone.ts";
import { type Caller, type End, type Flight, flightsFor, openFlight } from "./flight.ts";
import { operate, phaseError } from "./operation.ts";
import { refreshAhead } from "./refresh.ts";
import type { AdapterError } from "../model/errors.ts";
import { complete } from "./single_flight.ts";
import { start } from "./start.ts";
import { isFresh } from "../store/store.ts";

/** Joins who reads the key beside a flight that fetches it, or reads it. Who finds nothing joins that flight. */
export function readBeside(caller: Caller): void {
  if (failsAsClosed(caller)) return;
  const flights = flightsFor(caller.call, "reading");
  const current = flights?.get(caller.call.key);
  if (current !== undefined) return join(current, caller, Infinity);
  const flight = openFlight(caller, flights);
  read(flight, () => complete<End>(flight, { _tag: "Cancelled" }));
}

/** Reads for all who come meanwhile; a miss goes on from there. What is stale ends it, as not all may have that. */
export function read(flight: Flight, onMiss?: () => void): void {
  const { call } = flight;
  const goOn = (work: (flight: Flight) => void) => (onMiss ?? (() => start(flight, work)))();
  const { refreshAhead: ahead } = call.settings;
  const giveUp = operate(flight, "get", ahead === undefined ? [] : [true], {
    onSuccess(entry) {
      if (entry === undefined) { // mutate: miss
        flight.cold = true;
        return goOn(contend);
      }
      const { value, freshFor = 0 } = entry;
      const isHit = isFresh(entry); // mutate: stale
      complete<End>(
        flight,
        isHit
          ? { _tag: "Value", value, source: "hit", stored: true }
          : { _tag: "Stale", value, staleFor: -freshFor, at: monotonicMillis(flight.clock) },
      );
      if (isHit && ahead !== undefined && isElected(call, entry)) refreshAhead(flight.first, entry); // mutate: refresh ahead
    },
    onFailure: (error) => readFailed(flight, error, goOn),
  });
  const stop = () => {
    giveUp();
    complete<End>(flight, { _tag: "Cancelled" });
  };
  if (!flight.works) flight.stop = stop;
}

/** Goes on where a read has failed: by asking for the lease, without the cache, or not at all. */
export function readFailed(
  flight: Flight,
  error: AdapterError,
  goOn = (work: (flight: Flight) => void) => start(flight, work),
): void {
  const { call } = flight;
  const failure = phaseError(call, error);
  const bypass = call.settings.bypass && failure._tag !== "VALIDATION_ERROR";
  if (!(error.corrupt || bypass)) { // mutate: corrupt entry
    return complete<End>(flight, { _tag: "Failed", error: failure, scope: "all" });
  }
  reportBefore(flight, failure, () => goOn(error.corrupt ? contend : bypassCache));
}
