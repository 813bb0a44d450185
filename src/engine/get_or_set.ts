import { abandon, depart, finish, join, openFlight, wait } from "./single_flight.ts";
import { arrive, hit, waitedOf, waitingOver } from "./result.ts";
import type { Call } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import { contend, fetchAlone, outOfTries } from "./contend.ts";
import { Cause, Effect, type Exit } from "../effect/effect.ts";
import {
  type Caller,
  type End,
  type Flight,
  type Flights,
  newCaller,
  type Resume,
  type Signal,
} from "./flight.ts";
import { flightsFor } from "./flights.ts";
import { operationOf, phaseError } from "./operation.ts";
import type { GetOrSetResult } from "../model/outcome.ts";
import { report } from "./report.ts";
import { abortedError, untilAborted } from "./signal.ts";
import { tracedCall, tracedFlight } from "./tracing.ts";
import type { Entry, Store } from "../store/store.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;
type Looking = ReturnType<Store<unknown>["get"]>;
type Seen = Entry<unknown> | undefined;

/** Gets the entry, or has one caller of all fetch and fill it. */
export function getOrSet(call: Call): Result {
  const { key, settings: { store, signal } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    const entry = store.peek?.(key, wallMillis(clock));
    if (entry !== undefined) return hit(call, entry.value);
    const caller = newCaller(call, clock);
    const missed = seek(caller, store.peek === undefined);
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/** Joins the flight of the key, or starts it: with a look at the entry, if it wasn't looked at yet. */
function seek(caller: Caller, unseen?: boolean): Result {
  return callback((resume) => {
    const { call, clock } = caller;
    const flights = flightsFor(call, "leading");
    const flight = flights?.get(call.key);
    if (flight === undefined) return start(caller, flights, unseen, resume);
    const until = (caller.waitingSince ??= wholeMillis(clock)) + call.settings.waitMax;
    return flight.traced
      ? resume(tracedCall(caller, wait(flight, caller, until)))
      : join(flight, caller, until, resume);
  });
}

/** Looks once for all who come meanwhile, in the first one's own fiber; a miss flies on from there. */
function start(
  caller: Caller,
  flights: Flights | undefined,
  unseen: boolean | undefined,
  resume: Resume,
): Effect.Effect<void> | void {
  const { call, clock } = caller;
  const look = unseen ? operationOf(clock, call, "get") : Effect.succeed(undefined);
  if (Effect.isEffect(look)) {
    const looking = () => looked(openFlight(flights, caller, land), caller, look);
    // Somebody may have come by then.
    return resume(asStarter(caller, () => flights?.has(call.key) ? seek(caller, true) : looking()));
  }
  const callOff = look((answer) => resume(looked(flight, caller, answer)));
  const flight = openFlight(flights, caller, land);
  flight.abort = callOff;
  return abandon(caller);
}

/** What the flight's starter makes of what it sees. */
function looked(
  flight: Flight,
  caller: Caller,
  looking: Looking,
): Result {
  const { call } = caller;
  const go = (body: Effect.Effect<End>) =>
    asStarter(caller, () => tracedFlight(flight, caller, fly(flight, caller, body)));
  const seen = (entry: Seen) => {
    if (entry === undefined) return go(contend(flight, caller));
    finish(flight, { _tag: "Value", value: entry.value, source: "hit", stored: true });
    return hit(call, entry.value);
  };
  // What has succeeded needs no fiber to be read; what has not is no exit, or another one.
  const exit = looking as Partial<Exit.Success<Seen, never>>;
  if (exit._tag === "Success") return seen(exit.value);
  return Effect.matchEffect(looking, {
    onSuccess: seen,
    onFailure: (error) => {
      const failure = phaseError(call, error);
      if (error.corrupt || call.settings.bypass) {
        return Effect.flatMap(
          report(flight, failure),
          () => go(error.corrupt ? contend(flight, caller) : fetchAlone(flight, call, "bypass")),
        );
      }
      finish(flight, { _tag: "Failed", error: failure, everyone: true });
      return Effect.fail(failure);
    },
  });
}

/** Waiting is over: joins the process's fallback fetch, or starts it. One is shared for as long as a lease would live. */
function fallBack(caller: Caller): Result {
  const { call, clock } = caller;
  const { leaseTtl } = call.settings;
  return asStarter(caller, () => {
    const flights = flightsFor(call, "fallingBack");
    const current = flights?.get(call.key);
    const now = monotonicMillis(clock);
    if (current !== undefined && now - current.since! < leaseTtl) {
      return wait(current, caller, now + leaseTtl);
    }
    const flight = openFlight(flights, caller, landFallback);
    flight.since = now;
    return fly(flight, caller, fetchAlone(flight, call, "fallback"));
  });
}

/** Runs what may open a flight; whatever ends it before the flight ends, the flight's starter has left it. */
function asStarter(caller: Caller, run: () => Result): Result {
  return Effect.onError(Effect.suspend(run), () => abandon(caller));
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
  if (started && flight.hookFailure !== undefined) return Effect.failCause(flight.hookFailure);
  if (signal._tag === "Value") return arrive(flight, caller, signal, started);
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  switch (signal._tag) {
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
      return Effect.flatMap(
        waitingOver(caller, caller.leaseUntil, "FALLBACK", Effect.succeed(caller)),
        fallBack,
      );
    case "OutOfTries":
      return Effect.fail(outOfTries(caller));
    case "Over":
      return again(caller);
    case "Died":
      return Effect.failCause(signal.cause);
  }
}
