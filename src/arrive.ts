import { Duration, Effect } from "effect";
import type { Call, Caller } from "./call.ts";
import { monotonicMillis } from "./clock.ts";
import type { End } from "./flight.ts";
import { type HookEffect, type Hooks, runHook } from "./hooks.ts";
import { type CacheMeta, CacheOutcome, type GetOrSetResult } from "./outcome.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });

/** The result of a caller that found the entry, after its hook. */
export function hit({ key, settings: { hooks: { onHit } } }: Call, value: unknown): Result {
  const result = { value, meta: HIT };
  return onHit === undefined
    ? Effect.succeed(result)
    : after("onHit", key, () => onHit(value, { key }), result);
}

/** The result of a caller whose flight has a value, by its own part in it, after its hook. */
export function arrive(
  caller: Caller,
  { value, source, stored, invalid }: End & { readonly _tag: "Value" },
  started: boolean,
): Result {
  const { key, settings: { hooks } } = caller.call;
  if (started && invalid !== undefined) return Effect.fail(invalid);
  if (source === "bypass") return Effect.succeed({ value, meta: { cache: CacheOutcome.BYPASS } });
  const waitedBefore = started && caller.waitingSince !== undefined;
  if (source === "hit" && !waitedBefore) return hit(caller.call, value);

  const { leaseUntil = 0 } = caller;
  const waited = waitedOf(caller);
  const result = (cache: CacheOutcome) => ({
    value,
    meta: waited === undefined ? { cache, leaseUntil } : { cache, leaseUntil, waited },
  });
  if (source === "leader" && started) {
    const { onLeader } = hooks;
    const led = result(stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE);
    if (onLeader === undefined) return Effect.succeed(led);
    return after("onLeader", key, () => onLeader(value, { key, leaseUntil, cached: stored }), led);
  }
  if (source === "fallback") {
    const { onFallback } = hooks;
    const fellBack = result(CacheOutcome.MISS_FOLLOWER_FALLBACK);
    if (onFallback === undefined) return Effect.succeed(fellBack);
    const context = { key, leaseUntil, waited: waited ?? Duration.zero };
    return after("onFallback", key, () => onFallback(value, context), fellBack);
  }
  return waitingOver(caller, "HIT", result(CacheOutcome.MISS_FOLLOWER_HIT));
}

/** A result, after the hook that tells that the caller's waiting is over. */
export function waitingOver<A>(
  caller: Caller,
  outcome: "HIT" | "FALLBACK",
  result: A,
): Effect.Effect<A, unknown> {
  const { call: { key, settings: { hooks: { onFollowerWait } } }, leaseUntil = 0 } = caller;
  if (onFollowerWait === undefined) return Effect.succeed(result);
  const context = { key, leaseUntil, waited: waitedOf(caller) ?? Duration.zero, outcome };
  return after("onFollowerWait", key, () => onFollowerWait(context), result);
}

/** How long the caller waited for others, in whole milliseconds, if it did. */
export function waitedOf(
  { clock, waited, waitingSince, wokenAt }: Caller,
): Duration.Duration | undefined {
  return waited !== undefined || waitingSince === undefined
    ? waited
    : Duration.millis(Math.round((wokenAt ?? monotonicMillis(clock)) - waitingSince));
}

function after<A>(
  name: keyof Hooks<unknown>,
  key: string,
  hook: () => HookEffect,
  result: A,
): Effect.Effect<A, unknown> {
  return Effect.as(runHook(name, key, hook), result);
}
