import { Effect, type Exit } from "effect";
import { attempt } from "./attempt.ts";
import type { AdapterError, AdapterOperation } from "./errors.ts";

/** An effect that goes on to its end once it has begun, even if nobody waits for it any more. */
export function carriedOn<A>(
  operation: AdapterOperation,
  key: string,
  effect: Effect.Effect<A, AdapterError>,
): Effect.Effect<A, AdapterError> {
  return attempt(
    operation,
    key,
    () => Effect.runPromiseExit(effect),
    (exit: Exit.Exit<A, AdapterError>) => exit,
  );
}
