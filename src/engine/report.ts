import { runHook } from "./user_code.ts";
import type { Settings } from "./call.ts";
import * as Effect from "effect/Effect";
import { type CacheLockingError, formatCacheLockingError } from "../model/errors.ts";
import type { Flight } from "./flight.ts";

/** Reports a failure that doesn't fail the call: to the hook `onError`, or else to the log. */
export function reportError(
  { hooks: { onError } }: Settings,
  key: string,
  error: CacheLockingError,
): Effect.Effect<unknown, unknown> {
  return onError === undefined
    ? Effect.logWarning(formatCacheLockingError(error))
    : runHook("onError", key, () => onError(error, { key }));
}

/** The same from within a flight: a hook that fails there fails the first caller's call in the end. */
export function report(flight: Flight, error: CacheLockingError): Effect.Effect<void> {
  const { settings, key } = flight.call;
  return Effect.matchCauseEffect(reportError(settings, key, error), {
    onSuccess: () => Effect.void,
    onFailure: (cause) =>
      Effect.sync(() => {
        flight.hookFailure ??= cause;
      }),
  });
}
