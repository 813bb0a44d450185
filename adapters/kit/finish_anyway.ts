import { Effect, type Exit } from "../../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../../src/model/errors.ts";
import { patiently } from "./request_order.ts";

/** For how long it goes on. */
export interface Patience {
  /** At most, once nobody waits for it any more, in milliseconds. */
  readonly patience: number;
}

/** An effect that goes on once it has begun, even if nobody waits for it any more. */
export function carriedOn<A>(
  operation: AdapterOperation,
  key: string,
  effect: Effect.Effect<A, AdapterError>,
  { patience }: Patience,
): Effect.Effect<A, AdapterError> {
  const going = Effect.tryPromise({
    try: (unwanted) =>
      patiently(patience, unwanted, (signal) => Effect.runPromiseExit(effect, { signal })),
    catch: (error) => new AdapterError(operation, key, error),
  });
  return Effect.flatMap(going, (exit: Exit.Exit<A, AdapterError>) => exit);
}
