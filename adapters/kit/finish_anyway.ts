import { Effect, type Exit } from "../../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../../src/model/errors.ts";

/** For how long it goes on. */
export interface GracePeriod {
  /** At most, once nobody waits for it any more, in milliseconds. */
  readonly gracePeriod: number;
}

/** An effect that goes on once it has begun, even if nobody waits for it any more. */
export function finishAnyway<A>(
  operation: AdapterOperation,
  key: string,
  effect: Effect.Effect<A, AdapterError>,
  { gracePeriod }: GracePeriod,
): Effect.Effect<A, AdapterError> {
  const going = Effect.tryPromise({
    try: (unwanted) =>
      withGracePeriod(gracePeriod, unwanted, (signal) => Effect.runPromiseExit(effect, { signal })),
    catch: (error) => new AdapterError(operation, key, error),
  });
  return Effect.flatMap(going, (exit: Exit.Exit<A, AdapterError>) => exit);
}

/** The longest that timers take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends a request that goes on for so many milliseconds once nobody waits for it any more: to cancel an acquire is not to
 * undo it.
 */
export async function withGracePeriod<A>(
  millis: number,
  unwanted: AbortSignal,
  send: (signal: AbortSignal) => Promise<A>,
): Promise<A> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => timer = setTimeout(() => controller.abort(), Math.min(millis, LONGEST));
  if (unwanted.aborted) wait();
  else unwanted.addEventListener("abort", wait, { once: true });
  try {
    return await send(controller.signal);
  } finally {
    unwanted.removeEventListener("abort", wait);
    clearTimeout(timer);
  }
}
