import type { Cause, Clock, Effect, Fiber } from "../effect/effect.ts";
import type { CacheLockingError } from "../model/errors.ts";
import type { GetOrSetResult } from "../model/outcome.ts";
import type { Call } from "./call.ts";

/** What a call ends with. */
export type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** A call that the entry did not answer, and what it went through so far. */
export interface Caller {
  readonly call: Call;
  /** The clock of the fiber that it runs in. */
  readonly clock: Clock.Clock;
  /** How many more failed fetches it may learn of. */
  tries: number;
  /** Whether it has its span. */
  traced: boolean;
  /** When it began to wait for others, in whole milliseconds of the monotonic clock. */
  waitingSince: number | undefined;
  /** How long it waited in all, in whole milliseconds, once it fetches for itself: it leads or falls back. */
  waited?: number | undefined;
  /** Until when the lease ran that it waited for. */
  leaseUntil: number | undefined;
  /** What the last fetch failed with that it waited for in this process. */
  lastFailure?: unknown;
  /** The flight that it opened last and hasn't left. */
  opened?: Flight | undefined;
  /** Its last cohort, and its place there. */
  cohort: Cohort | undefined;
  place: number;
  /** Wakes it in its flight. */
  resume: Resume | undefined;
}

/** Has a caller that waits go on. */
export type Resume = (next: Result) => void;

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
  /** Its first caller, whose fetcher and options it runs with. */
  readonly starter: Caller;
  /** What a caller goes on with once it is woken. */
  readonly land: (flight: Flight, caller: Caller, signal: Signal) => Result;
  /** The table that others find it by, if it is in one. */
  readonly flights: Flights | undefined;
  /** When it began to fetch in place of a leader, by the monotonic clock. */
  since?: number;
  /** How many callers wait for its end. */
  callers: number;
  /** Those who wait, grouped by what else than the end may wake them. */
  readonly cohorts: Cohort[];
  /** The flight's own fiber, once there is more to do than to look. */
  fiber?: Fiber.Fiber<void>;
  /** Calls off the look, or tells the fetcher that its value is no longer wanted. */
  abort?: () => void;
  /** Until when the lease runs that it leads or waits for. */
  leaseUntil?: number;
  /** What the starter's `onError` hook failed with. */
  hookFailure?: Cause.Cause<unknown>;
  /** Whether its starter's tracer keeps spans. */
  traced?: boolean;
  ended?: End;
}

/** Flights that callers can join, by key. */
export type Flights = Map<string, Flight>;

/** Callers that may have to go before the end at the same time. */
export interface Cohort {
  /** When their patience ends, in whole milliseconds of the monotonic clock. */
  readonly until: number;
  /** How many more failed fetches they may learn of. */
  tries: number;
  /** Those who wait, each at its `place`. */
  waiters: (Caller | undefined)[];
  /** Calls off the end of their patience. */
  callOff?: () => void;
  /** When they were woken, in whole milliseconds of the monotonic clock. */
  wokenAt?: number;
}

/** A caller that has gone through nothing yet. */
export function newCaller(call: Call, clock: Clock.Clock): Caller {
  return {
    call,
    clock,
    tries: call.settings.tries,
    traced: false,
    waitingSince: undefined,
    leaseUntil: undefined,
    cohort: undefined,
    place: 0,
    resume: undefined,
  };
}
