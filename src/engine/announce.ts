import { nothing } from "../effect/nothing.ts";
import { deadline } from "../effect/deadline.ts";
import type { Flight } from "./flight.ts";
import { whenEnded } from "./single_flight.ts";

/** For how long a fetch runs before its leader is announced, in milliseconds. */
const ANNOUNCED_AFTER = 500;

/** The leader of a flight, as it is announced or to be. */
export interface Announcing {
  /** Doesn't announce it any more, unless it has. */
  readonly cancel: () => void;
  /** Ends it, as the flight's end does. */
  readonly end: () => void;
}

/** Announces the owner of a lease once its fetch has run for a while, until the lease has ended with the flight. */
export function announceLater(flight: Flight, owner: string): Announcing {
  const { clock, call: { key, settings: { store } } } = flight;
  if (store.announce === undefined) return { cancel: nothing, end: nothing };
  let letGo = nothing;
  const cancel = deadline(clock, ANNOUNCED_AFTER, () => { // mutate: announced later
    try {
      letGo = store.announce!(key, owner);
    } catch {
      // The lease's time decides.
    }
  }, false);
  const end = () => {
    cancel();
    letGo(); // mutate: announced until the end
    letGo = nothing;
  };
  whenEnded(flight, end);
  return { cancel, end };
}
