import type { Keyed } from "./call.ts";
import type { Flights } from "./flight.ts";
import type { Store } from "../store/store.ts";

/** The flights of one store: those that lead or follow, and those that fall back. */
export interface StoreFlights {
  readonly leading: Flights;
  readonly fallingBack: Flights;
}

const flights = new WeakMap<Store<unknown>, StoreFlights>();

/** The flights of a store, which all callers in this process share. */
export function flightsOf(store: Store<unknown>): StoreFlights {
  let known = flights.get(store);
  if (known === undefined) {
    known = { leading: new Map(), fallingBack: new Map() };
    flights.set(store, known);
  }
  return known;
}

/** The flights that a call may join or be joined in: none where it doesn't coalesce. */
export function flightsFor(
  { settings: { store, coalesce } }: Keyed,
  which: keyof StoreFlights,
): Flights | undefined {
  return coalesce ? flightsOf(store)[which] : undefined;
}

/** How many flights of a store are under way that callers can join. */
export function flightsUnderWay(store: Store<unknown>): number {
  const { leading, fallingBack } = flightsOf(store);
  return leading.size + fallingBack.size;
}

/** Makes those who come from now on start anew: what is under way began before the key was set or deleted. */
export function retireFlights(store: Store<unknown>, key: string): void {
  const { leading, fallingBack } = flightsOf(store);
  for (const flights of [leading, fallingBack]) flights.delete(key);
}
