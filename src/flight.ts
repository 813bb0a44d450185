import { type Cause, Effect, Fiber } from "effect";
import { callback } from "./callback.ts";
import type { Caller } from "./call.ts";
import { causeKind } from "./cause.ts";
import { monotonicMillis } from "./clock.ts";
import type { CacheLockingError } from "./errors.ts";
import { forkApart } from "./fork.ts";
import type { GetOrSetResult } from "./outcome.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** How a flight came by its value. */
export type Source = "hit" | "leader" | "follower" | "fallback" | "bypass";

/** How a flight ended, as all of its callers are told. */
export type End =
  /** There is a value. `invalid` is what its starter fails with nevertheless. */
  | {
    readonly _tag: "Value";
    readonly value: unknown;
    readonly source: Source;
    readonly stored: boolean;
    readonly invalid?: CacheLockingError | undefined;
  }
  /** The starter's own fetcher failed. */
  | { readonly _tag: "FetchFailed"; readonly cause: Cause.Cause<unknown> }
  /** Nobody's fetcher ran: the cache failed (for everyone), or the starter's options or count did (for the starter). */
  | { readonly _tag: "Failed"; readonly error: CacheLockingError; readonly everyone: boolean }
  /** Waiting for another process ended without a value: all fall back. */
  | { readonly _tag: "FallBack" }
  /** Nothing came of it: whoever is still there starts anew. */
  | { readonly _tag: "Over" }
  /** A defect, of an adapter's or of the engine's. */
  | { readonly _tag: "Died"; readonly cause: Cause.Cause<never> };

/** What a caller in a flight waits for: the end, or its own bounds. */
export type Signal = End | { readonly _tag: "OutOfTime" } | { readonly _tag: "OutOfTries" };

/** Everything that one process does for one key at one time, shared by its concurrent callers. */
export interface Flight {
  readonly key: string;
  /** Its first caller, whose fetcher and options it runs with. */
  readonly starter: Caller;
  /** What a caller goes on with once it is woken. */
  readonly land: (flight: Flight, caller: Caller, signal: Signal) => Result;
  /** When it began, by the monotonic clock. */
  readonly since: number;
  /** How many callers wait for its end. */
  callers: number;
  /** Those who wait, grouped by what else than the end may wake them. */
  readonly cohorts: Cohort[];
  /** The flight's own fiber, once there is more to do than to look. */
  fiber?: Fiber.Fiber<void>;
  /** Tells the fetcher that its value is no longer wanted. */
  abort?: () => void;
  /** How many fetches elsewhere failed that it waited for. */
  failures: number;
  /** Until when the lease runs that it leads or waits for. */
  leaseUntil?: number;
  /** What the starter's `onError` hook failed with. */
  hookFailure?: Cause.Cause<unknown>;
  /** Whether its starter's tracer keeps spans. */
  traced?: boolean;
  ended?: End;
  /** Makes later callers start a flight of their own. */
  readonly retire: () => void;
}

/** What those who wait together have in common. */
interface Bounds {
  /** In which millisecond they joined, by the monotonic clock. */
  readonly joined: number;
  readonly patience: number;
  /** How many more failed fetches they may learn of. */
  tries: number;
}

/** Flights that callers can join, by key. */
export type Flights = Map<string, Flight>;

/** Callers that joined a flight in the same millisecond, with the same bounds. */
interface Cohort extends Bounds {
  /** Each wakes one caller. */
  readonly waiters: Set<Caller>;
  /** Ends the patience of all. */
  timer?: Fiber.Fiber<void>;
  /** Why they were sent away before the end. */
  dismissed?: Signal;
}

/** A new flight with its first caller, in a table that others find it by, or alone. */
export function openFlight(
  flights: Flights | undefined,
  starter: Caller,
  land: Flight["land"],
): Flight {
  const { call: { key }, clock } = starter;
  const flight: Flight = {
    key,
    starter,
    land,
    since: monotonicMillis(clock),
    callers: 1,
    cohorts: [],
    failures: 0,
    retire: () => {
      if (flights?.get(key) === flight) flights.delete(key);
    },
  };
  flights?.set(key, flight);
  return flight;
}

/**
 * Runs the flight's body in a fiber of its own, with the context of this, its first, caller, who waits for the end, and
 * whose interruption is to {@linkcode abandon} the flight.
 */
export function depart(flight: Flight, body: Effect.Effect<End>): Result {
  const flying = Effect.asVoid(
    Effect.onExit(
      body,
      (exit) => finish(flight, exit._tag === "Success" ? exit.value : endOfFailure(exit.cause)),
    ),
  );
  return Effect.uninterruptibleMask((restore) => {
    const alone = addCohort(flight, { joined: 0, patience: Infinity, tries: Infinity });
    return Effect.flatMap(forkApart(flying), (fiber) => {
      flight.fiber = fiber;
      return restore(wait(flight, alone, flight.starter));
    });
  });
}

/**
 * Waits in a flight that another caller started, for its end, for `patience` milliseconds at most, and for `tries` failed
 * fetches elsewhere at most. A caller that goes before the end leaves the others as they were.
 */
export function join(flight: Flight, caller: Caller, now: number, patience: number): Result {
  const { tries } = caller;
  const joined = Math.floor(now);
  const last = flight.cohorts.at(-1);
  return last?.joined === joined && last.patience === patience && last.tries === tries
    ? wait(flight, last, caller)
    : Effect.flatMap(
      openCohort(flight, { joined, patience, tries }),
      (cohort) => wait(flight, cohort, caller),
    );
}

/** Adds a cohort and sets its timer, in one step: those who join it rely on the timer of the first. */
function openCohort(flight: Flight, bounds: Bounds): Effect.Effect<Cohort> {
  return Effect.uninterruptible(Effect.suspend(() => {
    const cohort = addCohort(flight, bounds);
    const timer = Effect.flatMap(
      Effect.sleep(cohort.patience),
      () => dismiss(flight, cohort, { _tag: "OutOfTime" }),
    );
    return Effect.flatMap(forkApart(timer), (fiber) => {
      cohort.timer = fiber;
      const over = flight.ended === undefined ? Effect.void : Fiber.interrupt(fiber);
      return Effect.as(over, cohort);
    });
  }));
}

function addCohort(flight: Flight, bounds: Bounds): Cohort {
  const cohort = { ...bounds, waiters: new Set<Caller>() };
  flight.cohorts.push(cohort);
  return cohort;
}

/** Waits among a cohort: one step, so that a herd of waiting callers weighs little. */
function wait(flight: Flight, cohort: Cohort, caller: Caller): Result {
  const { waiters } = cohort;
  const joins = caller !== flight.starter;
  return callback((resume) => {
    // What ends the wait may have come about since the cohort was chosen.
    const over = flight.ended ?? cohort.dismissed;
    if (over !== undefined) return resume(flight.land(flight, caller, over));
    if (joins) flight.callers++;
    caller.failuresBefore = flight.failures;
    caller.resume = resume;
    waiters.add(caller);
    return Effect.suspend(() => waiters.delete(caller) && joins ? leave(flight) : Effect.void);
  });
}

/** The starter goes before the end. A flight that has no fiber of its own yet is over with it. */
export function abandon(flight: Flight): Effect.Effect<void> {
  return Effect.suspend(() =>
    flight.fiber === undefined ? finish(flight, { _tag: "Over" }) : leave(flight)
  );
}

/** One caller goes before the end. The last to go interrupts the flight and waits until it has let go of its lease. */
function leave(flight: Flight): Effect.Effect<void> {
  return Effect.suspend(() => {
    flight.callers--;
    return interruptIfEmpty(flight);
  });
}

function interruptIfEmpty({ callers, ended, fiber, abort }: Flight): Effect.Effect<void> {
  if (callers > 0 || ended !== undefined || fiber === undefined) return Effect.void;
  abort?.();
  return Effect.asVoid(Fiber.interrupt(fiber));
}

/** Sends a cohort away before the end. Its flight may be who does it, so that nobody waits for it here. */
function dismiss(flight: Flight, cohort: Cohort, signal: Signal): Effect.Effect<void> {
  return Effect.suspend(() => {
    cohort.dismissed = signal;
    flight.callers -= cohort.waiters.size;
    wake(flight, cohort.waiters, signal);
    return flight.callers > 0 ? Effect.void : Effect.asVoid(forkApart(interruptIfEmpty(flight)));
  });
}

/** Tells those who joined of a failed fetch elsewhere. */
export function learnOfFailure(flight: Flight): Effect.Effect<void> {
  return Effect.suspend(() => {
    flight.failures++;
    const outOfTries = flight.cohorts.filter((cohort) => --cohort.tries <= 0);
    return Effect.forEach(
      outOfTries,
      (cohort) => dismiss(flight, cohort, { _tag: "OutOfTries" }),
      { discard: true },
    );
  });
}

/** Tells all callers how the flight ended. */
export function finish(flight: Flight, end: End): Effect.Effect<void> {
  return Effect.suspend(() => {
    if (flight.ended !== undefined) return Effect.void;
    flight.ended = end;
    flight.retire();
    for (const { waiters } of flight.cohorts) wake(flight, waiters, end);
    const timers = flight.cohorts.flatMap(({ timer }) => timer ?? []);
    // A timer may be who interrupted the flight, so that nobody waits for it here.
    return timers.length === 0 ? Effect.void : Effect.asVoid(forkApart(Fiber.interruptAll(timers)));
  });
}

function wake(flight: Flight, waiters: Set<Caller>, signal: Signal): void {
  const woken = [...waiters];
  waiters.clear();
  const now = monotonicMillis(flight.starter.clock);
  for (const caller of woken) {
    caller.wokenAt = now;
    // The starter counts for itself.
    if (caller !== flight.starter) caller.tries -= flight.failures - caller.failuresBefore!;
    caller.resume!(flight.land(flight, caller, signal));
  }
}

function endOfFailure(cause: Cause.Cause<never>): End {
  return causeKind(cause) === "Interrupt" ? { _tag: "Over" } : { _tag: "Died", cause };
}
