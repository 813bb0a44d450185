import { causeKind } from "../effect/cause.ts";
import { kindOf } from "../model/describe.ts";
import { Cause, Effect } from "../effect/effect.ts";
import { cacheLockingError } from "../model/errors.ts";
import type { HookEffect, Hooks } from "../model/hooks.ts";

/** What a caller's own code is called, and what it is when that throws. */
export interface UserCode {
  /** As messages have it: `the fetcher`. */
  readonly what: string;
  readonly key: string;
  readonly phase: "fetch" | "hook";
}

const tagOf = { fetch: "FETCHER_FAILED", hook: "HOOK_FAILED" } as const;

/**
 * Runs what a caller handed in, as far as `around` lets it: its own errors stay as they are, what it throws is a typed
 * error, and so is what isn't an Effect.
 */
export function runUserCode(
  { what, key, phase }: UserCode,
  run: () => Effect.Effect<unknown, unknown, unknown>,
  around: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E> = (effect) => effect,
): Effect.Effect<unknown, unknown> {
  const fail = (
    tag: "VALIDATION_ERROR" | typeof tagOf[typeof phase],
    how: string,
    cause?: unknown,
  ) =>
    Effect.fail(
      cacheLockingError(
        tag,
        `Cannot run ${what} for ${JSON.stringify(key)}: it ${how}`,
        { key, phase },
        cause,
      ),
    );
  const running = Effect.suspend(() => {
    const effect = run();
    return Effect.isEffect(effect)
      ? around(effect as Effect.Effect<unknown, unknown>)
      : fail("VALIDATION_ERROR", `must return an Effect, and returned ${kindOf(effect)}`);
  });
  return Effect.matchCauseEffect(running, {
    onSuccess: Effect.succeed,
    onFailure: (cause) =>
      causeKind(cause) === "Die"
        ? fail(tagOf[phase], "threw", Cause.squash(cause))
        : Effect.failCause(cause),
  });
}

/** Runs one hook: its own errors are the call's, what it throws is a `HOOK_FAILED`. */
export function runHook(
  name: keyof Hooks<unknown>,
  key: string,
  hook: () => HookEffect,
): Effect.Effect<unknown, unknown> {
  return runUserCode({ what: `the hook \`${name}\``, key, phase: "hook" }, hook);
}
