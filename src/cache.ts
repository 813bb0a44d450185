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
  type Flights,
  join,
  openFlight,
  type Signal,
} from "./flight.ts";
import { flightsOf } from "./flights.ts";
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

    const flight = open(leading(call), caller, land);
    const go = (body: Effect.Effect<End>) =>
      tracedFlight(flight, caller, fly(flight, caller, body));
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
    const flight = open(leading(caller.call), caller, land);
    return tracedFlight(flight, caller, fly(flight, caller, contend(flight, caller)));
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
  const joined = join(flight, caller, now, patience);
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
      return join(current, caller, now, leaseTtl);
    }
    const flight = open(flights, caller, landFallback);
    // All who are sent away at once are there before a fetch that takes no time is over.
    const body = Effect.flatMap(Effect.sleep(0), () => fetchAlone(flight, call, "fallback"));
    return fly(flight, caller, body);
  });
}

/** Runs what may open a flight; whenever it is interrupted after that, the flight's starter has left it. */
function asStarter(
  run: (
    open: (flights: Flights | undefined, caller: Caller, land: Flight["land"]) => Flight,
  ) => Result,
): Result {
  let opened: Flight | undefined;
  return Effect.onInterrupt(
    Effect.suspend(() => run((...flight) => opened = openFlight(...flight))),
    () => opened === undefined ? Effect.void : abandon(opened),
  );
}

/** Starts the flight and waits for its end as its first caller. */
function fly(flight: Flight, { call }: Caller, body: Effect.Effect<End>): Result {
  const { key, settings: { store } } = call;
  return depart(flight, Effect.annotateLogs(body, { key, adapter: store.name }));
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
