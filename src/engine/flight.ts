import * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import type * as Effect from "effect/Effect";
import type { FiberContext } from "../effect/fork.ts";
import { type LastingMap, lastingMap } from "./lasting.ts";
import type { AdapterError, CacheLockingError } from "../model/errors.ts";
import type { CacheOutcome, GetOrSetResult } from "../model/outcome.ts";
import type { Call, Keyed } from "./call.ts";
import { tellIdle } from "./client_state.ts";
import {
  complete,
  type Flight as SingleFlight,
  type FlightTable,
  type Signal,
  type Waiter,
} from "./single_flight.ts";
import { forgetQuiet, type Stale } from "./stale.ts";
import { relatives } from "../store/variants.ts";
import type { Entry, Store } from "../store/store.ts";

/** What a call ends with. */
export type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** How a flight got its value. */
export type Source = "hit" | "leader" | "follower" | "fallback" | "bypass";

/** A flight's value. */
export interface Value {
  readonly _tag: "Value";
  readonly value: unknown;
  readonly source: Source;
  readonly stored: boolean;
  /** What the first caller fails with anyway. */
  readonly invalid?: CacheLockingError | undefined;
  /** The last result that was made of it. */
  made?: MadeResult | undefined;
}

/** A result, and what it says beside the value. */
export interface MadeResult {
  readonly outcome: CacheOutcome;
  readonly leaseUntil: number | undefined;
  readonly waited: number | undefined;
  readonly result: Result;
}

/** How a flight ends. */
export type End =
  | Value
  /** The first caller's own fetcher failed; `shared`, so that nobody fetches for a while. */
  | {
    readonly _tag: "FetchFailed";
    readonly cause: Cause.Cause<unknown>;
    readonly shared?: boolean | undefined;
  }
  /** Another process's fetch has failed lately, and has shared that. */
  | { readonly _tag: "SharedFailure"; readonly error: unknown }
  /** No fetcher ran: the cache failed (for all), or the first caller's options or count did (for the first). */
  | {
    readonly _tag: "Failed";
    readonly error: CacheLockingError;
    readonly scope: "all" | "first";
  }
  /** Waiting for another process ended without a value: all fall back. */
  | { readonly _tag: "FallBack" }
  /** Another's fetch has succeeded, and its value isn't stored: the same. */
  | { readonly _tag: "Uncached" }
  /** What it has read is stale: each goes on as it may have that or not. */
  | Stale
  /** A fetch has failed lately: who may have a stale value has that, and nobody else waits. */
  | { readonly _tag: "Quiet" }
  /** What many keys have that were read together: each goes on with what its key has. */
  | { readonly _tag: "Read"; answerOf(key: string): ReadAnswer }
  /** Nothing has come of it, as nobody wanted it any more: whoever does meanwhile starts anew. */
  | { readonly _tag: "Cancelled" };

/** What a read has brought for a key, or how it has failed for that. */
export type ReadAnswer = Entry<unknown> | AdapterError | undefined;

/** A call that the entry did not answer, and what it went through so far. */
export interface Caller extends Waiter<End> {
  readonly call: Call;
  /** Continues it with its result, or with another try. */
  resume: ((result: Result) => void) | undefined;
  /** The clock of the fiber that it runs in. */
  readonly clock: Clock.Clock;
  /** The context of that fiber; with its span, if it has one. */
  context: FiberContext;
  /** The flight whose fetcher asks. */
  readonly within: Flight | undefined;
  /** How many more failed fetches it may learn of. */
  failuresLeft: number;
  /** Whether it has its span: not before it has missed, and never if no tracer keeps spans. */
  span: "none" | "missing" | "open";
  /** When it began to wait for others, in whole milliseconds of the monotonic clock. */
  waitingSince: number | undefined;
  /** When it was last woken in a flight, in whole milliseconds of the monotonic clock. */
  wokenAt: number | undefined;
  /** How long it waited in all, in whole milliseconds, once it fetches for itself: it leads or falls back. */
  waited?: number | undefined;
  /** When the lease expires that it waited for: epoch milliseconds. */
  leaseUntil?: number | undefined;
  /** What the last fetch failed with that it waited for in this process. */
  lastFailure?: unknown;
  /** When its `softTimeout` is over, by the monotonic clock, once it waits and may have a stale value. */
  softUntil: number | undefined;
  /** The stale value that it has read; null if it has looked for one in vain. */
  stale: Stale | null | undefined;
  /** How a flight ended in which it waited, while it looks for a stale value to have instead. */
  failed: { readonly flight: Flight; readonly signal: Signal<End> } | undefined;
}

/** Everything that one process does for one key at one time, shared by its concurrent callers. */
export interface Flight extends SingleFlight<End> {
  /** Its first caller, or who stands for it once that has left it to be a refresh. */
  first: Caller;
  /** The first caller's call, with whose fetcher and options it runs. */
  readonly call: Call;
  /** The first caller's context, in which it starts fibers. */
  context: FiberContext;
  /** Whether it fetches in place of a leader. */
  fallsBack: boolean;
  /** Whether it refreshes a stale entry for nobody: its first caller stands for the process. */
  refreshes: boolean;
  /** Whether it has read that there is no entry, not even a stale one. */
  cold: boolean;
  /** When the lease expires that it leads by or waits for: epoch milliseconds. */
  leaseUntil: number | undefined;
  /** What the first caller's `onError` hook failed with. */
  hookFailure: Cause.Cause<unknown> | undefined;
  /** What its fetch has failed with, that did not end in time. */
  overdue: CacheLockingError | undefined;
  /** Who is asked by its fetcher and waits. */
  nested: Set<Caller> | undefined;
  /** Whether it has read in vain, and works. */
  works: boolean;
  /** Whether it asks for the lease for the first time, or leads; neither of them while it follows, or fetches alone. */
  step: "asks" | "leads" | undefined;
  /** Whether it has spans. */
  hasSpans: boolean;
  /** Whether it waits for the holder of a lease. */
  follows: boolean;
  /** The flights of the keys that are fetched with its own, and itself. The first of them stands for all. */
  batch: readonly Flight[] | undefined;
  /** Called once its fetch begins, where it waits for those of other keys. */
  fetchBegins: (() => void) | undefined;
  /** Ends it: it dies of what was thrown. */
  die(this: Flight, defect: unknown): void;
  /** Tells its client that it has ended. */
  over(this: Flight): void;
}

/** A new flight with its first caller, in a table that others find it by, or alone. */
export function openFlight(first: Caller, table: LastingMap<string, Flight> | undefined): Flight {
  const { call, call: { key }, clock, context } = first;
  const flight: Flight = {
    key,
    table: table as FlightTable<End> | undefined,
    clock,
    first,
    call,
    context,
    waiting: 1,
    groups: [],
    cancelled: false,
    goesOn: false,
    onCancel: undefined,
    stop: undefined,
    awaitsFirst: false,
    ended: undefined,
    busyUntil: undefined,
    known: undefined,
    handedOut: undefined,
    completed: undefined,
    shared: undefined,
    fallsBack: false,
    refreshes: false,
    cold: first.stale === null,
    leaseUntil: undefined,
    hookFailure: undefined,
    overdue: undefined,
    nested: undefined,
    works: false,
    step: undefined,
    hasSpans: false,
    follows: false,
    batch: undefined,
    fetchBegins: undefined,
    die,
    over,
  };
  first.flight = flight;
  call.settings.client?.flights.add(flight);
  table?.set(key, flight);
  return flight;
}

function die(this: Flight, defect: unknown): void {
  complete(this, { _tag: "Died", cause: Cause.die(defect) });
}

/** Whether what a flight does keeps the process alive; if not, those who wait do. */
export function holdsProcess({ refreshes, goesOn, first }: Flight): boolean {
  return !refreshes && !goesOn && first.softUntil === undefined;
}

function over(this: Flight): void {
  const { client } = this.call.settings;
  if (client === undefined) return;
  client.flights.delete(this);
  tellIdle(client);
}

/** The flights of one store: those that lead or follow, those that fall back, and those that read beside the former. */
export interface StoreFlights {
  readonly reading: FlightTable<End>;
  readonly leading: FlightTable<End>;
  readonly fallingBack: FlightTable<End>;
}

/**
 * For how long a fetch is taken for one that goes on, in milliseconds, and its lease is renewed. After that it hangs: its key
 * is fetched again. One that has a `fetchTimeout` doesn't hang.
 */
export function longestFetch({ settings: { leaseTtl, fetchTimeout } }: Keyed): number {
  return fetchTimeout < Infinity ? Infinity : Math.max(300_000, 20 * leaseTtl);
}

const flights = new WeakMap<Store<unknown>, StoreFlights>();

/** The flights of a store, which all callers in this process share. */
export function flightsOf(store: Store<unknown>): StoreFlights {
  let known = flights.get(store);
  if (known === undefined) {
    known = { reading: lastingMap(), leading: lastingMap(), fallingBack: lastingMap() };
    flights.set(store, known);
  }
  return known;
}

/** The flights that a call may join or be joined in: none where it doesn't coalesce. */
export function flightsFor(
  { settings: { store, coalesce } }: Keyed,
  which: keyof StoreFlights,
): LastingMap<string, Flight> | undefined {
  return coalesce ? flightsOf(store)[which] as LastingMap<string, Flight> : undefined; // mutate: joining
}

/** How many flights of a store are under way that callers can join. */
export function flightsUnderWay(store: Store<unknown>): number {
  const { reading, leading, fallingBack } = flightsOf(store);
  return reading.size() + leading.size() + fallingBack.size();
}

/** A fill has changed the key, or may have: what this process has read of it before isn't found any more. */
export function forgetEntry(store: Store<unknown>, key: string): void {
  for (const each of relatives(store)) each.forget?.(key);
}

/** Makes later callers start anew: what is under way, or known of its refresh, is from before the key was changed. */
export function retireFlights(store: Store<unknown>, key: string): void {
  for (const each of relatives(store)) {
    for (const table of Object.values(flightsOf(each))) table.delete(key);
    each.forget?.(key);
    forgetQuiet(each, key);
  }
}
