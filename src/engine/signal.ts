import { callback } from "../effect/callback.ts";
import { quoted } from "../model/describe.ts";
import { Effect } from "../effect/effect.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";

/** Runs the effect until the signal is aborted; then the effect is interrupted, and the call fails with `ABORTED`. */
export function untilAborted<A, E, R>(
  key: string,
  signal: AbortSignal,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | CacheLockingError, R> {
  const aborted = callback<never, CacheLockingError>((resume) => {
    const abort = () => resume(Effect.fail(abortedError(key, signal)));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    return Effect.sync(() => signal.removeEventListener("abort", abort));
  });
  return Effect.raceFirst(effect, aborted);
}

/** What an aborted call fails with; its cause is the signal's reason. */
export function abortedError(key: string, signal: AbortSignal): CacheLockingError {
  return cacheLockingError(
    "ABORTED",
    `Cannot get ${quoted(key)}: its signal was aborted`,
    { key, phase: "signal" },
    signal.reason,
  );
}
