import { type LastingSet, lastingSet } from "./lasting.ts";
import type { Flight } from "./single_flight.ts";

/** What a client has under way. */
export interface ClientState {
  /** Whether its calls fail. */
  closed: boolean;
  /** The flights that run with its calls, or that these wait in. */
  readonly flights: LastingSet<Flight<unknown>>;
  /** How many operations of its store are under way for it. */
  running: number;
  /** Called once it is closed, when it has nothing under way any more. */
  idle: (() => void) | undefined;
}

/** A client that has nothing under way. */
export function newClientState(): ClientState {
  return { closed: false, flights: lastingSet(), running: 0, idle: undefined };
}

/** A flight or an operation of a client has ended. */
export function tellIdle({ flights, running, idle }: ClientState): void {
  if (running === 0 && flights.size() === 0) idle?.();
}
