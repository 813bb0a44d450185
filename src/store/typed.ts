import { isTyped } from "./attempt.ts";
import { kindOf } from "../model/describe.ts";
import { Cause, Effect } from "../effect/effect.ts";
import {
  AdapterError,
  type AdapterOperation,
  isAdapterError,
  isCacheLockingError,
} from "../model/errors.ts";

/** Runs what an adapter does: whatever it throws, fails with or returns, its failures are `AdapterError`s. */
export function typed<A, E, R>(
  operation: AdapterOperation,
  key: string,
  run: () => Effect.Effect<A, E, R>,
): Effect.Effect<A, AdapterError, R> {
  return Effect.suspend(() => begin(operation, key, run));
}

/** The same, at once. */
export function begin<A, E, R>(
  operation: AdapterOperation,
  key: string,
  run: () => Effect.Effect<A, E, R>,
): Effect.Effect<A, AdapterError, R> {
  const failed = (error: unknown) =>
    Effect.fail(
      isAdapterError(error) || isCacheLockingError(error)
        ? error as AdapterError
        : new AdapterError(operation, key, error),
    );
  try {
    const effect = run();
    if (Effect.isEffect(effect)) {
      if (isTyped(effect)) return effect as Effect.Effect<A, AdapterError, R>;
      return Effect.matchCauseEffect(effect, {
        onSuccess: Effect.succeed,
        onFailure: (cause) => failed(Cause.squash(cause)),
      });
    }
    return Effect.fail(
      new AdapterError(operation, key, undefined, {
        reason: `the adapter must return an Effect, and returned ${kindOf(effect)}`,
      }),
    );
  } catch (error) {
    return failed(error);
  }
}
