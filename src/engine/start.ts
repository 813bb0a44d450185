import { callback } from "../effect/callback.ts";
import * as Effect from "effect/Effect";
import { inBackground, run } from "./background.ts";
import { closedError } from "./closing.ts";
import type { Caller, End, Flight, Result } from "./flight.ts";
import { complete, leave, rejoin, whenEnded } from "./single_flight.ts";
import { limitWait } from "./soft_timeout.ts";
import { inOwnSpan } from "./tracing.ts";

/** Has the flight work, in the span of its first caller. */
export function start(flight: Flight, work: (flight: Flight) => void): void {
  const { first } = flight;
  if (flight.completed !== undefined) return;
  if (first.span === "missing" && first.flight === flight) {
    // Its fiber may be a while in coming to that.
    const looked = flight.call.gather?.look(); // mutate: look before a span
    if (looked !== undefined) whenEnded(flight, looked);
    const inside = (): Result =>
      waitIn(first, () => {
        if (first.flight === flight) {
          flight.awaitsFirst = false;
          start(flight, work);
          return looked?.();
        }
        // Its client was closed before it came here.
        complete<End>(flight, { _tag: "Cancelled" });
        first.resume!(Effect.fail(closedError(flight.key)));
      });
    flight.awaitsFirst = true;
    return first.resume!(inOwnSpan(first, inside, flight.refreshes));
  }
  flight.context = first.context;
  flight.hasSpans = first.span === "open";
  flight.works = true;
  flight.stop = undefined;
  // Those who have joined its read get their own spans.
  if (flight.hasSpans) rejoin(flight);
  if (flight.call.settings.waitUntil !== undefined) {
    inBackground(flight, (done) => whenEnded(flight, done));
  }
  if (first.wokenAt === undefined) return work(flight);
  // All who were woken with it are there before a fetch that takes no time has ended.
  const { gather } = flight.call;
  const looked = gather?.look();
  // What many keys ask for then is asked for in one turn.
  const turn = gather === undefined ? Effect.sleep(0) : callback<void, never>((resume) => {
    const cancel = gather.deadline(flight.clock, 0, () => resume(Effect.void));
    return Effect.sync(cancel);
  });
  run(flight, turn, () => {
    work(flight);
    looked?.();
  });
}

/** Waits in the flight that `enter` enters, for `softTimeout` where that has begun, and leaves it if it is interrupted. */
export function waitIn(caller: Caller, enter: () => void): Result {
  return callback((resume) => {
    const { softUntil } = caller;
    const unlimit = softUntil === undefined ? undefined : limitWait(caller, softUntil);
    caller.resume = unlimit === undefined ? resume : (result) => {
      unlimit();
      resume(result);
    };
    enter();
    return Effect.suspend(() => {
      unlimit?.();
      return leave(caller);
    });
  });
}
