import { runHook } from "./user_code.ts";
import type { Call, Keyed, Settings } from "./call.ts";
import { wholeMillis } from "../effect/clock.ts";
import { quoted } from "../model/describe.ts";
import { type CacheLockingError, cacheLockingError, isCacheLockingError } from "../model/errors.ts";
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { Caller, End, Flight, Result, Value } from "./flight.ts";
import type { Signal } from "./single_flight.ts";
import { type HookEffect, type Hooks, noHooks, type StaleHookContext } from "../model/hooks.ts";
import { type Stale, staleness } from "./stale.ts";
import { type CacheMeta, CacheOutcome } from "../model/outcome.ts";
import { countCalls } from "../model/stats.ts";

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });
const HIT_IN_L1: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT, tier: "l1" });

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

/** Counts a hit in this process, and says what is told of it. */
export function peeked({ store, counters }: Settings): CacheMeta {
  counters.hits++;
  if (store.tier === undefined) return HIT;
  counters.l1Hits++;
  return HIT_IN_L1;
}

/** The result of a caller that found the entry in this process, after its hooks. */
export function hitHere(call: Keyed, found: unknown): Result {
  return hitOf(call, found, peeked(call.settings));
}

/** The result of a caller that found the entry, after its hooks. */
export function hit(call: Keyed, found: unknown): Result {
  call.settings.counters.hits++;
  return hitOf(call, found, HIT);
}

function hitOf(call: Keyed, found: unknown, meta: CacheMeta): Result {
  const { key, settings } = call;
  const value = settings.copy ? ownValue(settings, found) : found;
  const result = Effect.succeed({ value, meta });
  return settings.hooks === noHooks ? result : told(call, "onHit", () => [value, { key }], result);
}

/** The result of a caller whose flight has a value, by its own part in it, after its hooks. */
export function resultFor(flight: Flight, caller: Caller, end: Value): Result {
  const { source, stored, invalid } = end;
  const { call, call: { key, settings } } = caller;
  const first = caller === flight.first;
  if (first && invalid !== undefined) return Effect.fail(invalid);
  if (source === "hit" && !(first && caller.waitingSince !== undefined)) {
    return hit(call, end.value);
  }
  const bypass = source === "bypass";
  const leaseUntil = bypass ? undefined : flight.leaseUntil ?? caller.leaseUntil;
  const waited = bypass ? undefined : waitedOf(caller);
  const value = ownValue(settings, end.value);
  const own = value === end.value ? end : { ...end, value, made: undefined };
  const result = (outcome: CacheOutcome) => {
    countCalls(settings.counters, outcome, waited);
    return sharedResult(own, outcome, leaseUntil, waited);
  };
  const waitOf = () => ({ key, leaseUntil: leaseUntil ?? 0, waited: Duration.millis(waited ?? 0) });
  if (bypass) {
    return told(call, "onBypass", () => [value, { key }], result(CacheOutcome.BYPASS));
  }
  if (source === "leader" && first) {
    const outcome = stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE;
    const context = () => ({ key, leaseUntil: leaseUntil ?? 0, cached: stored });
    return told(call, "onLeader", () => [value, context()], result(outcome));
  }
  if (source === "fallback") {
    const fellBack = result(CacheOutcome.MISS_FOLLOWER_FALLBACK);
    return told(call, "onFallback", () => [value, waitOf()], fellBack);
  }
  const followed = result(CacheOutcome.MISS_FOLLOWER_HIT);
  return told(call, "onFollowerWait", () => [{ ...waitOf(), outcome: "HIT" }], followed);
}

type WhyStale = Pick<StaleHookContext, "reason" | "error">;

/** The result of a caller that gets a stale value, after its hooks. */
export function staleResult(
  caller: Caller,
  stale: Stale,
  { reason, error }: WhyStale,
): Result {
  const { call, call: { key, settings } } = caller;
  const value = ownValue(settings, stale.value);
  const staleFor = Duration.millis(Math.floor(staleness(stale, caller.clock)));
  const cache = reason === "failed" ? CacheOutcome.STALE_ERROR : CacheOutcome.STALE;
  const waited = waitedOf(caller);
  countCalls(settings.counters, cache, waited);
  const meta: CacheMeta = waited === undefined
    ? { cache, staleFor }
    : { cache, staleFor, waited: Duration.millis(waited) };
  const result = Effect.succeed({ value, meta: Object.freeze(meta) });
  return told(call, "onStale", () => [value, { key, staleFor, reason, error }], result);
}

/** Why a caller gets no fresh value, if a stale one is better than that. */
export function whyStale(
  flight: Flight,
  caller: Caller,
  signal: Signal<End>,
): WhyStale | undefined {
  switch (signal._tag) {
    case "FetchFailed":
      return failedWith(Cause.squash(signal.cause)); // mutate: stale after a failed fetch
    case "Failed":
      return caller === flight.first || (signal.scope === "all" && !caller.call.settings.bypass)
        ? failedWith(signal.error)
        : undefined;
    case "SharedFailure":
      return failedWith(signal.error);
    case "OutOfFailures":
      return { reason: "failed", error: outOfFailures(caller) };
    case "Quiet":
      return { reason: "failed" };
    case "FallBack":
    case "OutOfTime":
      return { reason: "slow" };
    default:
      return undefined;
  }
}

/** What was used wrongly is no reason to have a stale value: it would never come to light. */
function failedWith(error: unknown): WhyStale | undefined {
  const isMisuse = isCacheLockingError(error) &&
    (error._tag === "VALIDATION_ERROR" || error._tag === "WAIT_STRATEGY_FAILED");
  return isMisuse ? undefined : { reason: "failed", error };
}

/** What a caller fails with that waited for too many failing fetches. */
export function outOfFailures({ call, lastFailure }: Caller): CacheLockingError {
  const { key, settings: { maxFailures } } = call;
  return cacheLockingError(
    "FETCHER_FAILED",
    `Cannot get ${quoted(key)}: the fetch that it waited for failed ${maxFailures} times`,
    { key, phase: "fetch" },
    lastFailure,
  );
}

/** A result, after the outcome's own hook and then the one that is told of all outcomes. */
function told<Name extends keyof Hooks<unknown>>(
  call: Keyed,
  name: Name,
  args: () => HookArgs<Name>,
  result: Result,
): Result {
  const { onOutcome } = call.settings.hooks;
  return after(
    call,
    name,
    args,
    onOutcome === undefined
      ? result
      : Effect.flatMap(result, ({ meta }) =>
        after(call, "onOutcome", () => [meta, { key: call.key }], result)),
  );
}

type HookArgs<Name extends keyof Hooks<unknown>> = Parameters<NonNullable<Hooks<unknown>[Name]>>;

/** What follows, after one hook of the caller, if it has that. */
export function after<Name extends keyof Hooks<unknown>>(
  { key, settings: { hooks } }: Keyed,
  name: Name,
  args: () => HookArgs<Name>,
  next: Result,
): Result {
  const hook = hooks[name] as ((...args: HookArgs<Name>) => HookEffect) | undefined;
  return hook === undefined
    ? next
    : Effect.flatMap(runHook(name, key, () => hook(...args())), () => next);
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
