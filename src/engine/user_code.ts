import { causeKind } from "../effect/cause.ts";
import { kindOf, quoted } from "../model/describe.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import type { HookEffect, Hooks } from "../model/hooks.ts";

/** What a caller's own code is called, and what it is when that throws. */
export interface UserCode {
  /** As messages have it: `the fetcher`. */
  readonly what: string;
  readonly key: string;
  readonly phase: "fetch" | "hook";
}

type UserEffect = Effect.Effect<unknown, unknown, unknown>;

/**
 * Calls what a caller handed in, for the effect that it returns: a failure of the right type where it throws or returns
 * something else. Of what the effect fails with see {@linkcode causeOf}.
 */
export function callUserCode(code: UserCode, call: () => UserEffect): UserEffect {
  let effect: UserEffect;
  try {
    effect = call();
  } catch (error) {
    return Effect.fail(thrown(code, error));
  }
  if (Effect.isEffect(effect)) return effect;
  const problem = `must return an Effect, and returned ${kindOf(effect)}`;
  return Effect.fail(userCodeError("VALIDATION_ERROR", code, problem));
}

/** What a caller's code fails with: its own errors stay as they are, what it throws is a typed error. */
export function causeOf(code: UserCode, cause: Cause.Cause<unknown>): Cause.Cause<unknown> {
  return causeKind(cause) === "Die" ? Cause.fail(thrown(code, Cause.squash(cause))) : cause;
}

/** Runs what a caller handed in. */
export function runUserCode(
  code: UserCode,
  call: () => UserEffect,
): Effect.Effect<unknown, unknown> {
  const running = Effect.suspend(() => callUserCode(code, call) as Effect.Effect<unknown, unknown>);
  return Effect.matchCauseEffect(running, {
    onSuccess: (value) => Effect.succeed(value),
    onFailure: (cause) => Effect.failCause(causeOf(code, cause)),
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

const tagOf = { fetch: "FETCHER_FAILED", hook: "HOOK_FAILED" } as const;

function thrown(code: UserCode, error: unknown): CacheLockingError {
  return userCodeError(tagOf[code.phase], code, "threw", error);
}

/** The error of what a caller handed in, and of what is wrong with it. */
export function userCodeError(
  tag: "VALIDATION_ERROR" | typeof tagOf[UserCode["phase"]],
  { what, key, phase }: UserCode,
  problem: string,
  cause?: unknown,
): CacheLockingError {
  const message = `Cannot run ${what} for ${quoted(key)}: it ${problem}`;
  return cacheLockingError(tag, message, { key, phase }, cause);
}
