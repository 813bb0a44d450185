import { runHook } from "./user_code.ts";
import type { Call, Keyed, Settings } from "./call.ts";
import { wholeMillis } from "../effect/clock.ts";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { Caller, Flight, Result, Value } from "./flight.ts";
import type { HookEffect, Hooks } from "../model/hooks.ts";
import { type CacheMeta, CacheOutcome } from "../model/outcome.ts";

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });

/** What a fetched value is for all who get it: over a remote store, what a later hit has. */
export function asStored({ settings: { store } }: Call, value: unknown): unknown {
  if (store.copy === undefined) return value;
  try {
    return store.copy(value);
  } catch {
    return value; // The fill reports it.
  }
}

/** What one caller gets of a value that others may have, too. */
export function ownValue({ copy, store }: Settings, value: unknown): unknown {
  if (!copy) return value;
  try {
    return store.copy === undefined ? structuredClone(value) : store.copy(value);
  } catch {
    return value;
  }
}

/** The result of a caller that found the entry, after its hook. */
export function hit({ key, settings }: Keyed, found: unknown): Result {
  const { onHit, onOutcome } = settings.hooks;
  const value = settings.copy ? ownValue(settings, found) : found;
  const result: Result = onOutcome === undefined
    ? Effect.succeed({ value, meta: HIT })
    : told(key, onOutcome, Effect.succeed({ value, meta: HIT }));
  return onHit === undefined ? result : after("onHit", key, () => onHit(value, { key }), result);
}

/** The result of a caller whose flight has a value, by its own part in it, after its hook. */
export function resultFor(flight: Flight, caller: Caller, end: Value): Result {
  const { source, stored, invalid } = end;
  const { key, settings, settings: { hooks } } = caller.call;
  const first = caller === flight.first;
  if (first && invalid !== undefined) return Effect.fail(invalid);
  if (source === "hit" && !(first && caller.waitingSince !== undefined)) {
    return hit(caller.call, end.value);
  }
  const value = ownValue(settings, end.value);
  const resultOf = (outcome: CacheOutcome, leaseUntil?: number, waited?: number): Result => {
    const own = value === end.value ? end : { ...end, value, made: undefined };
    const result = sharedResult(own, outcome, leaseUntil, waited);
    return hooks.onOutcome === undefined ? result : told(key, hooks.onOutcome, result);
  };
  if (source === "bypass") {
    const { onBypass } = hooks;
    const bypassed = resultOf(CacheOutcome.BYPASS);
    return onBypass === undefined
      ? bypassed
      : after("onBypass", key, () => onBypass(value, { key }), bypassed);
  }

  const leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  const waited = waitedOf(caller);
  if (source === "leader" && first) {
    const { onLeader } = hooks;
    const outcome = stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE;
    const led = resultOf(outcome, leaseUntil, waited);
    if (onLeader === undefined) return led;
    const context = { key, leaseUntil: leaseUntil ?? 0, cached: stored };
    return after("onLeader", key, () => onLeader(value, context), led);
  }
  if (source === "fallback") {
    const { onFallback } = hooks;
    const fellBack = resultOf(CacheOutcome.MISS_FOLLOWER_FALLBACK, leaseUntil, waited);
    if (onFallback === undefined) return fellBack;
    const context = { key, leaseUntil: leaseUntil ?? 0, waited: Duration.millis(waited ?? 0) };
    return after("onFallback", key, () => onFallback(value, { ...context }), fellBack);
  }
  const followed = resultOf(CacheOutcome.MISS_FOLLOWER_HIT, leaseUntil, waited);
  return afterFollowerWait(caller, leaseUntil, "HIT", followed);
}

/** A result, after the hook that receives how it came about. */
function told(
  key: string,
  onOutcome: NonNullable<Hooks<unknown>["onOutcome"]>,
  result: Result,
): Result {
  return Effect.flatMap(
    result,
    ({ value, meta }) =>
      after("onOutcome", key, () => onOutcome(meta, { key }), Effect.succeed({ value, meta })),
  );
}

/** What follows, after the hook that receives how the caller's wait ended. */
export function afterFollowerWait<A, E>(
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
export function waitedOf({ clock, waited, waitingSince, wokenAt }: Caller): number | undefined {
  return waited !== undefined || waitingSince === undefined
    ? waited
    : (wokenAt ?? wholeMillis(clock)) - waitingSince;
}

type Writable<A> = { -readonly [Name in keyof A]: A[Name] };

/** What a caller gets. Those who are woken together mostly get the same, so it is kept with the end of their flight. */
function sharedResult(
  end: Value,
  outcome: CacheOutcome,
  leaseUntil?: number,
  waited?: number,
): Result {
  const { made } = end;
  if (made?.outcome === outcome && made.leaseUntil === leaseUntil && made.waited === waited) {
    return made.result;
  }
  const meta: Writable<CacheMeta> = { cache: outcome };
  if (leaseUntil !== undefined) meta.leaseUntil = leaseUntil;
  if (waited !== undefined) meta.waited = Duration.millis(waited);
  const result = Effect.succeed(Object.freeze({ value: end.value, meta: Object.freeze(meta) }));
  end.made = { outcome, leaseUntil, waited, result };
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
