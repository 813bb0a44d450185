import { runHook } from "./user_code.ts";
import type { Call } from "./call.ts";
import { wholeMillis } from "../effect/clock.ts";
import { Duration, Effect } from "../effect/effect.ts";
import type { Caller, End, Flight } from "./flight.ts";
import type { HookEffect, Hooks } from "../model/hooks.ts";
import { type CacheMeta, CacheOutcome, type GetOrSetResult } from "../model/outcome.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });

/** The result of a caller that found the entry, after its hook. */
export function hit(
  { key, settings: { hooks: { onHit } } }: Call,
  value: unknown,
  result: Result = Effect.succeed({ value, meta: HIT }),
): Result {
  return onHit === undefined ? result : after("onHit", key, () => onHit(value, { key }), result);
}

/**
 * The result of a caller whose flight has a value, by its own part in it, after its hook. Those who waited alike share it.
 */
export function arrive(
  flight: Flight,
  caller: Caller,
  { value, source, stored, invalid }: End & { readonly _tag: "Value" },
  started: boolean,
): Result {
  const { key, settings: { hooks } } = caller.call;
  if (started && invalid !== undefined) return Effect.fail(invalid);
  if (source === "bypass") return found(value, CacheOutcome.BYPASS);
  const waitedBefore = started && caller.waitingSince !== undefined;
  if (source === "hit" && !waitedBefore) {
    return hit(caller.call, value, found(value, CacheOutcome.HIT));
  }

  const leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  const waited = waitedOf(caller);
  if (source === "leader" && started) {
    const { onLeader } = hooks;
    const outcome = stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE;
    const led = found(value, outcome, leaseUntil, waited);
    if (onLeader === undefined) return led;
    const context = { key, leaseUntil: leaseUntil ?? 0, cached: stored };
    return after("onLeader", key, () => onLeader(value, context), led);
  }
  if (source === "fallback") {
    const { onFallback } = hooks;
    const outcome = CacheOutcome.MISS_FOLLOWER_FALLBACK;
    const fellBack = found(value, outcome, leaseUntil, waited);
    if (onFallback === undefined) return fellBack;
    const context = { key, leaseUntil: leaseUntil ?? 0, waited: Duration.millis(waited ?? 0) };
    return after("onFallback", key, () => onFallback(value, { ...context }), fellBack);
  }
  const followed = found(value, CacheOutcome.MISS_FOLLOWER_HIT, leaseUntil, waited);
  return waitingOver(caller, leaseUntil, "HIT", followed);
}

/** What follows, after the hook that tells that the caller's waiting is over. */
export function waitingOver<A, E>(
  caller: Caller,
  leaseUntil: number | undefined = 0,
  outcome: "HIT" | "FALLBACK",
  next: Effect.Effect<A, E>,
): Effect.Effect<A, unknown> {
  const { call: { key, settings: { hooks: { onFollowerWait } } } } = caller;
  if (onFollowerWait === undefined) return next;
  const context = { key, leaseUntil, waited: Duration.millis(waitedOf(caller) ?? 0), outcome };
  return after("onFollowerWait", key, () => onFollowerWait({ ...context }), next);
}

/** How long the caller waited for others, in whole milliseconds, if it did. */
export function waitedOf({ clock, waited, waitingSince, cohort }: Caller): number | undefined {
  return waited !== undefined || waitingSince === undefined
    ? waited
    : (cohort?.wokenAt ?? wholeMillis(clock)) - waitingSince;
}

/** What a caller gets in the end. */
function found(
  value: unknown,
  cache: CacheOutcome,
  leaseUntil?: number,
  waited?: number,
): Result {
  const meta = Object.freeze({
    cache,
    ...(leaseUntil === undefined ? {} : { leaseUntil }),
    ...(waited === undefined ? {} : { waited: Duration.millis(waited) }),
  });
  return Effect.succeed(Object.freeze({ value, meta }));
}

function after<A, E>(
  name: keyof Hooks<unknown>,
  key: string,
  hook: () => HookEffect,
  next: Effect.Effect<A, E>,
): Effect.Effect<A, unknown> {
  return Effect.flatMap(runHook(name, key, hook), () => next);
}
