import * as Effect from "effect/Effect";
import { type FiberContext, heirloom } from "../effect/fork.ts";
import { quoted } from "../model/describe.ts";
import { cacheLockingError } from "../model/errors.ts";
import { relatives } from "../store/variants.ts";
import type { Caller, Flight } from "./flight.ts";

const fetching = heirloom<Flight>("cache-locking/fetching");

/** The flight whose fetcher is being called in this turn. */
let called: Flight | undefined;

/** The flight whose fetcher is being called. */
export function calledFlight(): Flight | undefined {
  return called;
}

/** Calls a flight's fetcher: what is asked for in the same turn is asked for by it. */
export function callFor<A, B>(flight: Flight | undefined, call: (context: B) => A, context: B): A {
  const before = called;
  called = flight;
  try {
    return call(context);
  } finally {
    called = before;
  }
}

/** The context for what a flight's fetcher returned: what is asked for in its fibers is asked for by it. */
export function contextFor(flight: Flight): FiberContext {
  return fetching.within(flight.context, flight);
}

/** The flight whose fetcher asks in a fiber of this context, if one does. */
export function fetchOf(context: FiberContext): Flight | undefined {
  return called ?? fetching.of(context);
}

/**
 * Fails a caller that would wait for itself: who is asked by a fetcher of its own key, or would wait in a flight that waits
 * for the flight that it is asked by. Returns whether it has.
 */
export function failsInCircle(caller: Caller, current: Flight | undefined): boolean {
  const { within, call: { key } } = caller;
  if (within === undefined || hasFetched(within)) return false;
  const keys = chainOf(caller) ?? (current && pathOf(current, within, new Set()));
  if (keys === undefined) {
    (within.nested ??= new Set()).add(caller);
    return false;
  }
  const message = `Cannot get ${quoted(key)}: its own fetch waits for it: ${
    keys.map(quoted).join(" → ")
  }`;
  const error = cacheLockingError("CIRCULAR_FETCH", message, { key, phase: "fetch" });
  caller.resume!(Effect.fail(error));
  return true;
}

/** Whether the fetch of a flight is over, and with it those of the keys that were fetched together. What it began may go on. */
function hasFetched(flight: Flight): boolean {
  return (flight.batch ?? [flight]).every(({ known, completed }) =>
    known !== undefined || completed !== undefined
  );
}

/** The keys from the fetch of the caller's own key on, through those that it is a part of. */
function chainOf({ within, call: { key, settings } }: Caller): string[] | undefined {
  const stores = relatives(settings.store);
  const keys = [key];
  for (let flight = within; flight !== undefined; flight = flight.first.within) {
    const isOwn = (flight.batch ?? [flight]).some((each) => each.key === key);
    keys.unshift(isOwn ? key : flight.key);
    if (isOwn && stores.includes(flight.call.settings.store)) return keys;
  }
  return undefined;
}

/** The flight by whose name the fetch of a flight asks: another's, if the keys of both are fetched together. */
function askerOf(flight: Flight): Flight {
  return flight.batch?.[0] ?? flight;
}

/** The keys by which one flight waits for another. */
function pathOf(from: Flight, to: Flight, seen: Set<Flight>): string[] | undefined {
  const asker = askerOf(from);
  if (asker === to) return [from.key];
  if (seen.has(asker)) return undefined;
  seen.add(asker);
  for (const { flight } of asker.nested ?? []) {
    const path = flight && pathOf(flight as Flight, to, seen);
    if (path !== undefined) return [from.key, ...path];
  }
  return undefined;
}
