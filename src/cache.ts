import { Cause, Duration, Effect } from "effect";
import { arrive, hit, waitedOf, waitingOver } from "./arrive.ts";
import type { Call, Caller } from "./call.ts";
import { monotonicMillis, wallMillis } from "./clock.ts";
import { contend, fetchAlone, outOfTries } from "./contend.ts";
import type { CacheLockingError } from "./errors.ts";
import {
  abandon,
  depart,
  type End,
  finish,
  type Flight,
  join,
  openFlight,
  type Signal,
} from "./flight.ts";
import { type Flights, flightsOf } from "./flights.ts";
import { operate, phaseError } from "./operation.ts";
import type { GetOrSetResult } from "./outcome.ts";
import { report } from "./report.ts";
import { abortedError, untilAborted } from "./signal.ts";
import { tracedCall, tracedFlight } from "./spans.ts";
import type { Entry } from "./store.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** Gets the entry, or has one caller of all fetch and fill it. */
export function getOrSet(call: Call): Result {
  const { key, settings: { store, signal } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    const entry = store.peek?.(key, wallMillis(clock));
    if (entry !== undefined) return hit(call, entry.value);
    const caller: Caller = { call, clock, tries: call.settings.tries };
    const missed = store.peek === undefined ? look(caller) : seek(caller);
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/** Reads the entry, once for all who come meanwhile, in the first one's own fiber; a miss flies on from there. */
function look(caller: Caller): Result {
  const { call } = caller;
  return joinLeading(caller) ?? asStarter((open) => {
    const joined = joinLeading(caller);
    if (joined !== undefined) return joined;

    const flight = open(caller, leading(call));
    const go = (body: Effect.Effect<End>) =>
      tracedFlight(flight, caller, fly(flight, caller, body, seek));
    return Effect.flatMap(read(flight, call), (found) => {
      if (found === undefined) return go(contend(flight, caller));
      if (!(found instanceof Error)) {
        const { value } = found;
        const end = finish(flight, { _tag: "Value", value, source: "hit", stored: true });
        return Effect.flatMap(end, () => hit(call, value));
      }
      return call.settings.bypass ? go(fetchAlone(flight, call, "bypass")) : Effect.flatMap(
        finish(flight, { _tag: "Failed", error: found, everyone: true }),
        () => Effect.fail(found),
      );
    });
  });
}

/** Reads the entry: undefined for a miss, which one that can't be decoded is as well; or why it could not be read. */
function read(
  flight: Flight,
  call: Call,
): Effect.Effect<Entry<unknown> | undefined | CacheLockingError> {
  const { key, settings: { store, operationTimeout, bypass } } = call;
  return Effect.matchEffect(operate(store, "get", key, operationTimeout, () => store.get(key)), {
    onSuccess: Effect.succeed,
    onFailure: (error) => {
      const failure = phaseError(store, key, error);
      if (error.corrupt) return Effect.as(report(flight, call.settings, failure), undefined);
      return bypass
        ? Effect.as(report(flight, call.settings, failure), failure)
        : Effect.succeed(failure);
    },
  });
}

/** Joins the flight of the key, or starts it. */
function seek(caller: Caller): Result {
  return joinLeading(caller) ?? asStarter((open) => {
    const joined = joinLeading(caller);
    if (joined !== undefined) return joined;
    const flight = open(caller, leading(caller.call));
    return tracedFlight(flight, caller, fly(flight, caller, contend(flight, caller), seek));
  });
}

/** The flights that the call may join or be joined in: none where it doesn't coalesce. */
function leading({ settings: { store, coalesce } }: Call): Flights | undefined {
  return coalesce ? flightsOf(store).leading : undefined;
}

function joinLeading(caller: Caller): Result | undefined {
  const { call, clock } = caller;
  const flight = leading(call)?.get(call.key);
  if (flight === undefined) return undefined;
  const now = monotonicMillis(clock);
  const since = caller.waitingSince ??= now;
  const patience = Math.max(0, since + call.settings.waitMax - now);
  const joined = joinFlight(flight, caller, now, patience, seek);
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
      return joinFlight(current, caller, now, leaseTtl, fallBack);
    }
    const flight = open(caller, flights);
    return fly(flight, caller, fetchAlone(flight, call, "fallback"), fallBack);
  });
}

/** Runs what may open a flight; whenever it is interrupted after that, the flight's starter has left it. */
function asStarter(
  run: (open: (caller: Caller, flights: Flights | undefined) => Flight) => Result,
): Result {
  let opened: Flight | undefined;
  return Effect.onInterrupt(
    Effect.suspend(() =>
      run(({ call, clock }, flights) =>
        opened = openFlight(flights, call.key, monotonicMillis(clock))
      )
    ),
    () => opened === undefined ? Effect.void : abandon(opened),
  );
}

/** Starts the flight and waits for its end as its first caller. */
function fly(
  flight: Flight,
  caller: Caller,
  body: Effect.Effect<End>,
  again: (caller: Caller) => Result,
): Result {
  const { key, settings: { store } } = caller.call;
  return depart(
    flight,
    Effect.annotateLogs(body, { key, adapter: store.name }),
    (end) =>
      flight.hookFailure === undefined
        ? settle(caller, flight, end, true, again)
        : Effect.failCause(flight.hookFailure),
  );
}

/** Waits in a flight that another caller started. */
function joinFlight(
  flight: Flight,
  caller: Caller,
  now: number,
  patience: number,
  again: (caller: Caller) => Result,
): Result {
  const failures = flight.failures;
  return join(flight, now, { patience, tries: caller.tries }, (signal) => {
    caller.tries -= flight.failures - failures;
    return settle(caller, flight, signal, false, again);
  });
}

/** What the signal means for one caller: its result, its failure, or another try. */
function settle(
  caller: Caller,
  flight: Flight,
  signal: Signal,
  started: boolean,
  again: (caller: Caller) => Result,
): Result {
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  switch (signal._tag) {
    case "Value":
      return arrive(caller, signal, started);
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
      caller.waited = waitedOf(caller) ?? Duration.zero;
      return Effect.flatMap(waitingOver(caller, "FALLBACK", caller), fallBack);
    case "OutOfTries":
      return Effect.fail(outOfTries(caller));
    case "Over":
      return again(caller);
    case "Died":
      return Effect.failCause(signal.cause);
  }
}
