import { Effect, Fiber } from "../effect/effect.ts";
import type { CacheLockingError } from "../model/errors.ts";
import type { Flight } from "./flight.ts";
import type { Forked } from "../effect/fork.ts";
import { report } from "./report.ts";
import { runUserCode } from "./user_code.ts";

/** Starts a part of a flight's work in a fiber of its own, with its first caller's context. */
export function spawn<A, E>(flight: Flight, effect: Effect.Effect<A, E>): Forked<A, E> {
  const { key, settings: { store } } = flight.first.call;
  return flight.spawn!(Effect.annotateLogs(effect, { key, adapter: store.name }));
}

/**
 * Starts what may continue after the flight's callers have left or have been answered, and tells the host of it, which
 * might end it with them otherwise.
 */
export function runInBackground<A, E>(flight: Flight, effect: Effect.Effect<A, E>): Forked<A, E> {
  const { key, settings: { waitUntil } } = flight.first.call;
  const fiber = spawn(flight, effect);
  if (waitUntil === undefined) return fiber;
  const ended = Effect.runPromise(Effect.asVoid(Fiber.await(fiber)));
  const telling = runUserCode(
    { what: "`waitUntil`", key, phase: "hook" },
    () => Effect.sync(() => waitUntil(ended)),
  );
  spawn(
    flight,
    Effect.matchEffect(telling, {
      onSuccess: () => Effect.void,
      onFailure: (error) => report(flight, error as CacheLockingError),
    }),
  );
  return fiber;
}
