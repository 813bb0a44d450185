import type { Caller, Cohort, End, Flight, Flights, Result, Resume, Signal } from "./flight.ts";
import { callback } from "../effect/callback.ts";
import { causeKind } from "../effect/cause.ts";
import { monotonicMillis, wholeMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { type Cause, Effect, Fiber } from "../effect/effect.ts";
import { outlive } from "./background.ts";

/** A new flight with its first caller, in a table that others find it by, or alone. */
export function openFlight(
  flights: Flights | undefined,
  starter: Caller,
  land: Flight["land"],
): Flight {
  const flight: Flight = { starter, land, flights, callers: 1, cohorts: [] };
  starter.opened = flight;
  flights?.set(starter.call.key, flight);
  return flight;
}

/** Makes later callers start a flight of their own. */
export function retire(flight: Flight): void {
  const { flights, starter: { call: { key } } } = flight;
  if (flights?.get(key) === flight) flights.delete(key);
}

/**
 * Runs the flight's body in a fiber of its own, with the context of this, its first, caller, who waits for the end, and
 * whose interruption is to {@linkcode abandon} the flight.
 */
export function depart(flight: Flight, body: Effect.Effect<End>): Result {
  const flying = Effect.asVoid(
    Effect.onExit(
      body,
      (exit) =>
        Effect.sync(() =>
          finish(flight, exit._tag === "Success" ? exit.value : endOfFailure(exit.cause))
        ),
    ),
  );
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(outlive(flight, flying), (fiber) => {
      flight.fiber = fiber;
      return restore(wait(flight, flight.starter, Infinity));
    })
  );
}

/**
 * Waits in a flight for its end, until a time of the monotonic clock at most, and, in another caller's flight, for the
 * caller's `tries` failed fetches elsewhere at most. A caller that goes before the end leaves the others as they were.
 */
export function wait(flight: Flight, caller: Caller, until: number): Result {
  return callback((resume) => join(flight, caller, until, resume));
}

/** The same, in a callback. */
export function join(
  flight: Flight,
  caller: Caller,
  until: number,
  resume: Resume,
): Effect.Effect<void> | void {
  if (flight.ended !== undefined) return resume(flight.land(flight, caller, flight.ended));
  board(flight, caller, until);
  caller.resume = resume;
  return Effect.suspend(() => getOff(flight, caller));
}

/** Takes a place in the flight: what waits there is this one object, so that a herd of callers weighs little. */
function board(flight: Flight, caller: Caller, until: number): void {
  const joins = caller !== flight.starter;
  if (joins) flight.callers++;
  caller.cohort = cohortOf(flight, Math.ceil(until), joins ? caller.tries : Infinity);
  caller.place = caller.cohort.waiters.push(caller) - 1;
}

/** Gives the place up, if the caller was not woken before. */
function getOff(flight: Flight, caller: Caller): Effect.Effect<void> {
  const { place, cohort } = caller;
  if (cohort?.waiters[place] !== caller) return Effect.void;
  cohort.waiters[place] = undefined;
  return caller === flight.starter ? Effect.void : leave(flight);
}

/** The cohort of these bounds: the last one, or a new one. */
function cohortOf(flight: Flight, until: number, tries: number): Cohort {
  const { cohorts, starter: { clock } } = flight;
  const last = cohorts.at(-1);
  if (last?.until === until && last.tries === tries) return last;
  const cohort: Cohort = { until, tries, waiters: [] };
  cohorts.push(cohort);
  if (until < Infinity) {
    const patience = Math.max(0, until - monotonicMillis(clock));
    cohort.callOff = deadline(
      clock,
      patience,
      () => dismiss(flight, cohort, { _tag: "OutOfTime" }),
    );
  }
  return cohort;
}

/** A caller goes that may have opened a flight, before its end: one that has no fiber of its own yet is over with it. */
export function abandon(caller: Caller): Effect.Effect<void> {
  return Effect.suspend(() => {
    const { opened } = caller;
    caller.opened = undefined;
    if (opened === undefined) return Effect.void;
    if (opened.fiber !== undefined) return leave(opened);
    opened.abort?.();
    finish(opened, { _tag: "Over" });
    return Effect.void;
  });
}

/** One caller goes before the end. The last to go interrupts the flight and waits until it has let go of its lease. */
function leave(flight: Flight): Effect.Effect<void> {
  flight.callers--;
  return interruptIfEmpty(flight);
}

function interruptIfEmpty(flight: Flight): Effect.Effect<void> {
  const { callers, ended, fiber, abort } = flight;
  if (callers > 0 || ended !== undefined || fiber === undefined) return Effect.void;
  abort?.();
  // A fiber that is interrupted before its first step ends without a word.
  return Effect.map(Fiber.interrupt(fiber), () => finish(flight, { _tag: "Over" }));
}

/** Sends a cohort away before the end. Its flight may be who does it, so that nobody waits for it here. */
function dismiss(flight: Flight, cohort: Cohort, signal: Signal): void {
  flight.cohorts.splice(flight.cohorts.indexOf(cohort), 1);
  wake(flight, cohort, signal);
  Effect.runFork(interruptIfEmpty(flight));
}

/** Tells those who joined of a failed fetch elsewhere. */
export function learnOfFailure(flight: Flight): void {
  const outOfTries = flight.cohorts.filter((cohort) => --cohort.tries <= 0);
  for (const cohort of outOfTries) dismiss(flight, cohort, { _tag: "OutOfTries" });
}

/** Tells all callers how the flight ended. */
export function finish(flight: Flight, end: End): void {
  if (flight.ended !== undefined) return;
  flight.ended = end;
  retire(flight);
  for (const cohort of flight.cohorts) wake(flight, cohort, end);
}

function wake(flight: Flight, cohort: Cohort, signal: Signal): void {
  const { waiters, tries, callOff } = cohort;
  cohort.waiters = [];
  cohort.wokenAt = wholeMillis(flight.starter.clock);
  callOff?.();
  let last: Caller | undefined;
  let next: Result;
  for (const caller of waiters) {
    if (caller === undefined) continue;
    flight.callers--;
    // The starter counts for itself.
    if (caller !== flight.starter) caller.tries = tries;
    try {
      // Of a value, those who waited alike have one result.
      if (last === undefined || signal._tag !== "Value" || !alike(last, caller)) {
        next = flight.land(flight, caller, signal);
      }
      last = caller;
      caller.resume!(next!);
    } catch (error) {
      // Effect 4 goes on with a caller at once: an observer of it that throws is not to keep the others waiting.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Whether two who are woken together have waited alike, with the same hooks. */
function alike(a: Caller, b: Caller): boolean {
  return a.call.settings.hooks === b.call.settings.hooks && a.waitingSince === b.waitingSince &&
    a.waited === b.waited && a.leaseUntil === b.leaseUntil;
}

function endOfFailure(cause: Cause.Cause<never>): End {
  return causeKind(cause) === "Interrupt" ? { _tag: "Over" } : { _tag: "Died", cause };
}
