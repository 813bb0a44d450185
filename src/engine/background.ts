import { runUserCode } from "./user_code.ts";
import { Effect, Fiber } from "../effect/effect.ts";
import type { CacheLockingError } from "../model/errors.ts";
import type { Flight } from "./flight.ts";
import { forkDetached, type Forked } from "../effect/fork.ts";
import { report } from "./report.ts";

/**
 * Starts what may continue after the flight's callers have left or have been answered, and tells the host of it, which
 * might end it with them otherwise.
 */
export function runInBackground<A, E, R>(
  flight: Flight,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Forked<A, E>, never, R> {
  const { key, settings: { waitUntil } } = flight.first.call;
  const forked = forkDetached(effect);
  if (waitUntil === undefined) return forked;
  return Effect.tap(forked, (fiber) => {
    const ended = Effect.runPromise(Effect.asVoid(Fiber.await(fiber)));
    const telling = runUserCode(
      { what: "`waitUntil`", key, phase: "hook" },
      () => Effect.sync(() => waitUntil(ended)),
    );
    return Effect.matchEffect(telling, {
      onSuccess: () => Effect.void,
      onFailure: (error) => report(flight, error as CacheLockingError),
    });
  });
}
