import type { Call, Caller } from "./call.ts";
import { wholeMillis } from "./clock.ts";
import { Duration, Effect } from "./effect.ts";
import type { End, Flight } from "./flight.ts";
import { type HookEffect, type Hooks, runHook } from "./hooks.ts";
import { type CacheMeta, CacheOutcome, type GetOrSetResult } from "./outcome.ts";

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

/** The result of a caller whose flight has a value, by its own part in it, after its hook. */
export function arrive(
  flight: Flight,
  caller: Caller,
  { value, source, stored, invalid }: End & { readonly _tag: "Value" },
  started: boolean,
): Result {
  const { key, settings: { hooks } } = caller.call;
  if (started && invalid !== undefined) return Effect.fail(invalid);
  if (source === "bypass") return told(flight, value, CacheOutcome.BYPASS);
  const waitedBefore = started && caller.waitingSince !== undefined;
  if (source === "hit" && !waitedBefore) {
    return hit(caller.call, value, told(flight, value, CacheOutcome.HIT));
  }

  const { leaseUntil } = caller;
  const waited = waitedOf(caller);
  if (source === "leader" && started) {
    const { onLeader } = hooks;
    const outcome = stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE;
    const led = told(flight, value, outcome, leaseUntil, waited);
    if (onLeader === undefined) return led;
    const context = { key, leaseUntil: leaseUntil ?? 0, cached: stored };
    return after("onLeader", key, () => onLeader(value, context), led);
  }
  if (source === "fallback") {
    const { onFallback } = hooks;
    const outcome = CacheOutcome.MISS_FOLLOWER_FALLBACK;
    const fellBack = told(flight, value, outcome, leaseUntil, waited);
    if (onFallback === undefined) return fellBack;
    const context = { key, leaseUntil: leaseUntil ?? 0, waited: Duration.millis(waited ?? 0) };
    return after("onFallback", key, () => onFallback(value, context), fellBack);
  }
  const followed = told(flight, value, CacheOutcome.MISS_FOLLOWER_HIT, leaseUntil, waited);
  return waitingOver(caller, "HIT", followed);
}

/** What follows, after the hook that tells that the caller's waiting is over. */
export function waitingOver<A, E>(
  caller: Caller,
  outcome: "HIT" | "FALLBACK",
  next: Effect.Effect<A, E>,
): Effect.Effect<A, unknown> {
  const { call: { key, settings: { hooks: { onFollowerWait } } }, leaseUntil = 0 } = caller;
  if (onFollowerWait === undefined) return next;
  const context = { key, leaseUntil, waited: Duration.millis(waitedOf(caller) ?? 0), outcome };
  return after("onFollowerWait", key, () => onFollowerWait(context), next);
}

/** How long the caller waited for others, in whole milliseconds, if it did. */
export function waitedOf({ clock, waited, waitingSince, cohort }: Caller): number | undefined {
  return waited !== undefined || waitingSince === undefined
    ? waited
    : (cohort?.wokenAt ?? wholeMillis(clock)) - waitingSince;
}

/** What a caller is told in the end: mostly the same as those who were woken with it, so it is made once for them. */
function told(
  flight: Flight,
  value: unknown,
  cache: CacheOutcome,
  leaseUntil?: number,
  waited?: number,
): Result {
  const last = flight.told;
  if (last?.cache === cache && last.leaseUntil === leaseUntil && last.waited === waited) {
    return last.result;
  }
  const meta = Object.freeze({
    cache,
    ...(leaseUntil === undefined ? {} : { leaseUntil }),
    ...(waited === undefined ? {} : { waited: Duration.millis(waited) }),
  });
  const result = Effect.succeed(Object.freeze({ value, meta }));
  flight.told = { cache, leaseUntil, waited, result };
  return result;
}

function after<A, E>(
  name: keyof Hooks<unknown>,
  key: string,
  hook: () => HookEffect,
  next: Effect.Effect<A, E>,
): Effect.Effect<A, unknown> {
  return Effect.flatMap(runHook(name, key, hook), () => next);
}
