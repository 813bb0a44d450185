import { Cause, Effect } from "effect";
import { arrive, hit, waitedOf, waitingOver } from "./arrive.ts";
import { type Call, type Caller, newCaller } from "./call.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "./clock.ts";
import { contend, fetchAlone, outOfTries } from "./contend.ts";
import {
  abandon,
  depart,
  type End,
  finish,
  type Flight,
  type Flights,
  openFlight,
  type Signal,
  wait,
} from "./flight.ts";
import { flightsOf } from "./flights.ts";
import { operate, phaseError } from "./operation.ts";
import type { GetOrSetResult } from "./outcome.ts";
import { report } from "./report.ts";
import { abortedError, untilAborted } from "./signal.ts";
import { tracedCall, tracedFlight } from "./spans.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** Gets the entry, or has one caller of all fetch and fill it. */
export function getOrSet(call: Call): Result {
  const { key, settings: { store, signal } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    const entry = store.peek?.(key, wallMillis(clock));
    if (entry !== undefined) return hit(call, entry.value);
    const caller = newCaller(call, clock);
    const missed = store.peek === undefined ? look(caller) : seek(caller);
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/** Reads the entry, once for all who come meanwhile, in the first one's own fiber; a miss flies on from there. */
function look(caller: Caller): Result {
  const { call } = caller;
  return joinOrStart(caller, (flight) => {
    const go = (body: Effect.Effect<End>) =>
      tracedFlight(flight, caller, fly(flight, caller, body));
    return Effect.matchEffect(operate(call, "get"), {
      onSuccess: (entry) => {
        if (entry === undefined) return go(contend(flight, caller));
        finish(flight, { _tag: "Value", value: entry.value, source: "hit", stored: true });
        return hit(call, entry.value);
      },
      onFailure: (error) => {
        const failure = phaseError(call, error);
        if (error.corrupt || call.settings.bypass) {
          return Effect.flatMap(
            report(flight, call.settings, failure),
            () => go(error.corrupt ? contend(flight, caller) : fetchAlone(flight, call, "bypass")),
          );
        }
        finish(flight, { _tag: "Failed", error: failure, everyone: true });
        return Effect.fail(failure);
      },
    });
  });
}

/** Leads or follows, with all who want the same. */
function seek(caller: Caller): Result {
  return joinOrStart(
    caller,
    (flight) => tracedFlight(flight, caller, fly(flight, caller, contend(flight, caller))),
  );
}

/** Joins the flight of the key, or starts it. */
function joinOrStart(caller: Caller, start: (flight: Flight) => Result): Result {
  const join = () => joinLeading(caller);
  return join() ??
    asStarter((open) => join() ?? start(open(leading(caller.call), caller, land)));
}

/** The flights that the call may join or be joined in: none where it doesn't coalesce. */
function leading({ settings: { store, coalesce } }: Call): Flights | undefined {
  return coalesce ? flightsOf(store).leading : undefined;
}

function joinLeading(caller: Caller): Result | undefined {
  const { call, clock } = caller;
  const flight = leading(call)?.get(call.key);
  if (flight === undefined) return undefined;
  const since = caller.waitingSince ??= wholeMillis(clock);
  const joined = wait(flight, caller, since + call.settings.waitMax);
  return flight.traced ? tracedCall(caller, joined) : joined;
}

/** Waiting is over: joins the process's fallback fetch, or starts it. One is shared for as long as a lease would live. */
function fallBack(caller: Caller): Result {
  const { call, clock } = caller;
  const { store, coalesce, leaseTtl } = call.settings;
  return asStarter((open) => {
    const flights = coalesce ? flightsOf(store).fallingBack : undefined;
    const current = flights?.get(call.key);
    const now = monotonicMillis(clock);
    if (current !== undefined && now - current.since < leaseTtl) {
      return wait(current, caller, now + leaseTtl);
    }
    const flight = open(flights, caller, landFallback);
    return fly(flight, caller, fetchAlone(flight, call, "fallback"));
  });
}

/** Runs what may open a flight; whatever ends it after that before the flight ends, the flight's starter has left it. */
function asStarter(
  run: (
    open: (flights: Flights | undefined, caller: Caller, land: Flight["land"]) => Flight,
  ) => Result,
): Result {
  let opened: Flight | undefined;
  return Effect.onError(
    Effect.suspend(() => run((...flight) => opened = openFlight(...flight))),
    () => opened === undefined ? Effect.void : abandon(opened),
  );
}

/** Starts the flight and waits for its end as its first caller. */
function fly(flight: Flight, { call, cohort }: Caller, body: Effect.Effect<End>): Result {
  const { key, settings: { store } } = call;
  // All who were woken with it are there before a fetch that takes no time is over.
  const gathered = cohort === undefined ? body : Effect.flatMap(Effect.sleep(0), () => body);
  return depart(flight, Effect.annotateLogs(gathered, { key, adapter: store.name }));
}

/** What the end of a flight that leads or follows means for one caller. */
const land: Flight["land"] = (flight, caller, signal) => settle(flight, caller, signal, seek);

/** What the end of a fallback means for one caller. */
const landFallback: Flight["land"] = (flight, caller, signal) =>
  settle(flight, caller, signal, fallBack);

/** What the signal means for one caller: its result, its failure, or another try. */
function settle(
  flight: Flight,
  caller: Caller,
  signal: Signal,
  again: (caller: Caller) => Result,
): Result {
  const started = caller === flight.starter;
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  if (started && flight.hookFailure !== undefined) return Effect.failCause(flight.hookFailure);
  switch (signal._tag) {
    case "Value":
      return arrive(flight, caller, signal, started);
    case "FetchFailed":
      if (started) return Effect.failCause(signal.cause);
      caller.lastFailure = Cause.squash(signal.cause);
      return --caller.tries > 0 ? again(caller) : Effect.fail(outOfTries(caller));
    case "Failed":
      return started || (signal.everyone && !caller.call.settings.bypass)
        ? Effect.fail(signal.error)
        : again(caller);
    case "FallBack":
    case "OutOfTime":
      if (caller.waited !== undefined) return fallBack(caller);
      caller.waited = waitedOf(caller) ?? 0;
      return Effect.flatMap(waitingOver(caller, "FALLBACK", Effect.succeed(caller)), fallBack);
    case "OutOfTries":
      return Effect.fail(outOfTries(caller));
    case "Over":
      return again(caller);
    case "Died":
      return Effect.failCause(signal.cause);
  }
}
