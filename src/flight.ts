import { type Cause, Deferred, Effect, Fiber } from "effect";
import { causeKind } from "./cause.ts";
import type { CacheLockingError } from "./errors.ts";
import type { Flights } from "./flights.ts";
import { forkApart } from "./fork.ts";

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
  /** When it began, by the monotonic clock. */
  readonly since: number;
  /** How many callers wait for its end. */
  callers: number;
  /** The callers, grouped by what else than the end may wake them. */
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
  ended?: End;
  /** Makes later callers start a flight of their own. */
  readonly retire: () => void;
}

/** Callers that joined a flight in the same millisecond, with the same bounds: they are woken together. */
interface Cohort {
  readonly signal: Deferred.Deferred<Signal>;
  /** Waits for the signal: one effect for all. */
  readonly arrival: Effect.Effect<Signal>;
  readonly joined: number;
  readonly patience: number;
  /** How many more failed fetches its callers may learn of. */
  tries: number;
}

/** A new flight with its first caller, in a table that others find it by, or alone. */
export function openFlight(flights: Flights | undefined, key: string, now: number): Flight {
  const flight: Flight = {
    key,
    since: now,
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

/** Runs the flight's body in a fiber of its own, with the context of this, its first, caller; waits for the end. */
export function depart<R>(
  flight: Flight,
  body: Effect.Effect<End, never, R>,
): Effect.Effect<End, never, R> {
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Deferred.make<Signal>(), (signal) => {
      const arrival = Deferred.await(signal) as Effect.Effect<End>;
      flight.cohorts.push({ signal, arrival, joined: 0, patience: Infinity, tries: Infinity });
      const flying = Effect.asVoid(
        Effect.onExit(
          body,
          (exit) => finish(flight, exit._tag === "Success" ? exit.value : endOfFailure(exit.cause)),
        ),
      );
      return Effect.flatMap(forkApart(flying), (fiber) => {
        flight.fiber = fiber;
        return restore(arrival);
      });
    })
  );
}

/**
 * Waits in a flight that another caller started, for its end, for `patience` milliseconds at most, and for `tries` failed
 * fetches elsewhere at most. A caller that goes before the end leaves the others as they were.
 */
export function join(
  flight: Flight,
  now: number,
  patience: number,
  tries: number,
): Effect.Effect<Signal> {
  let joined = false;
  return Effect.onExit(
    Effect.suspend(() => {
      joined = true;
      flight.callers++;
      return arrival(flight, Math.floor(now), patience, tries);
    }),
    (exit) => {
      if (!joined || (exit._tag === "Success" && !isOwnBound(exit.value))) return Effect.void;
      return leave(flight);
    },
  );
}

function isOwnBound({ _tag }: Signal): boolean {
  return _tag === "OutOfTime" || _tag === "OutOfTries";
}

/** Waits with those who joined in the same millisecond, with the same bounds; the first of them sets the timer. */
function arrival(
  flight: Flight,
  joined: number,
  patience: number,
  tries: number,
): Effect.Effect<Signal> {
  const last = flight.cohorts.at(-1);
  if (last?.joined === joined && last.patience === patience && last.tries === tries) {
    return last.arrival;
  }
  const opened = Effect.uninterruptible(Effect.flatMap(Deferred.make<Signal>(), (signal) => {
    const arrival = Deferred.await(signal);
    flight.cohorts.push({ signal, arrival, joined, patience, tries });
    const timer = Effect.raceFirst(
      Effect.as(Effect.sleep(patience), { _tag: "OutOfTime" } as const),
      arrival,
    );
    const timing = Effect.flatMap(timer, (first) => Deferred.succeed(signal, first));
    return Effect.as(forkApart(timing), arrival);
  }));
  return Effect.flatMap(opened, (arrival) => arrival);
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
    if (flight.callers > 0 || flight.ended !== undefined || flight.fiber === undefined) {
      return Effect.void;
    }
    flight.abort?.();
    return Effect.asVoid(Fiber.interrupt(flight.fiber));
  });
}

/** Tells those who joined of a failed fetch elsewhere. */
export function learnOfFailure(flight: Flight): Effect.Effect<void> {
  return Effect.suspend(() => {
    flight.failures++;
    return Effect.forEach(
      flight.cohorts,
      (cohort) =>
        --cohort.tries > 0 ? Effect.void : Deferred.succeed(cohort.signal, { _tag: "OutOfTries" }),
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
    return Effect.forEach(flight.cohorts, (cohort) => Deferred.succeed(cohort.signal, end), {
      discard: true,
    });
  });
}

function endOfFailure(cause: Cause.Cause<never>): End {
  return causeKind(cause) === "Interrupt" ? { _tag: "Over" } : { _tag: "Died", cause };
}
