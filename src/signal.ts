import { Effect } from "effect";
import { type CacheLockingError, cacheLockingError } from "./errors.ts";

/** Runs the effect until the signal is aborted; then the effect is interrupted, and the call fails with `ABORTED`. */
export function untilAborted<A, E, R>(
  key: string,
  signal: AbortSignal,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | CacheLockingError, R> {
  const abort = Effect.promise((over) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true, signal: over });
    })
  );
  return Effect.raceFirst(
    effect,
    Effect.flatMap(abort, () => Effect.fail(abortedError(key, signal))),
  );
}

/** What an aborted call fails with; its cause is the signal's reason. */
export function abortedError(key: string, signal: AbortSignal): CacheLockingError {
  return cacheLockingError(
    "ABORTED",
    `Cannot get ${JSON.stringify(key)}: its signal was aborted`,
    { key, phase: "signal" },
    signal.reason,
  );
}
