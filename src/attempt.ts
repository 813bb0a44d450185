import { Effect } from "effect";
import { AdapterError, type AdapterOperation } from "./errors.ts";

/** Runs what a client returns a promise for; how it fails is the operation's failure. */
export function attempt<A>(
  operation: AdapterOperation,
  key: string,
  run: () => PromiseLike<A>,
): Effect.Effect<A, AdapterError> {
  return Effect.tryPromise({
    try: run,
    catch: (error) => new AdapterError(operation, key, error),
  });
}
