import { kindOf } from "../model/describe.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
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
  const running = Effect.suspend((): Effect.Effect<A, unknown, R> => {
    const effect = run();
    if (Effect.isEffect(effect)) return effect;
    const reason = `the adapter must return an Effect, and returned ${kindOf(effect)}`;
    return Effect.fail(new AdapterError(operation, key, undefined, { reason }));
  });
  return Effect.matchCauseEffect(running, {
    onSuccess: Effect.succeed,
    onFailure: (cause) => Effect.fail(adapterErrorOf(operation, key, Cause.squash(cause))),
  });
}

/** What an operation fails with where an adapter throws, or fails with something else. */
export function adapterErrorOf(
  operation: AdapterOperation,
  key: string,
  error: unknown,
): AdapterError {
  return isAdapterError(error) || isCacheLockingError(error)
    ? error as AdapterError
    : new AdapterError(operation, key, error);
}
