import { causeKind } from "../effect/cause.ts";
import { kindOf, quoted } from "../model/describe.ts";
import { Cause, Effect } from "../effect/effect.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";
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
  code: UserCode,
  run: () => Effect.Effect<unknown, unknown, unknown>,
  around?: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
): Effect.Effect<unknown, unknown> {
  const running = Effect.suspend(() => {
    const effect = run() as Effect.Effect<unknown, unknown>;
    if (Effect.isEffect(effect)) return around === undefined ? effect : around(effect);
    const problem = `must return an Effect, and returned ${kindOf(effect)}`;
    return Effect.fail(userCodeError("VALIDATION_ERROR", code, problem));
  });
  return Effect.matchCauseEffect(running, {
    onSuccess: (value) => Effect.succeed(value),
    onFailure: (cause) =>
      causeKind(cause) === "Die"
        ? Effect.fail(userCodeError(tagOf[code.phase], code, "threw", Cause.squash(cause)))
        : Effect.failCause(cause),
  });
}

function userCodeError(
  tag: "VALIDATION_ERROR" | typeof tagOf[UserCode["phase"]],
  { what, key, phase }: UserCode,
  problem: string,
  cause?: unknown,
): CacheLockingError {
  const message = `Cannot run ${what} for ${quoted(key)}: it ${problem}`;
  return cacheLockingError(tag, message, { key, phase }, cause);
}

/** Runs one hook: its own errors are the call's, what it throws is a `HOOK_FAILED`. */
export function runHook(
  name: keyof Hooks<unknown>,
  key: string,
  hook: () => HookEffect,
): Effect.Effect<unknown, unknown> {
  return runUserCode({ what: `the hook \`${name}\``, key, phase: "hook" }, hook);
}
