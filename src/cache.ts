import { Cause, Duration, Effect } from "effect";
import type { Call, Caller } from "./call.ts";
import { monotonicMillis, wallMillis } from "./clock.ts";
import { contend, fetchAlone, outOfTries } from "./contend.ts";
import type { CacheLockingError } from "./errors.ts";
import {
  abandon,
  depart,
  type End,
  finish,
  type Flight,
  type Flights,
  join,
  openFlight,
  type Signal,
} from "./flight.ts";
import { type HookEffect, type Hooks, runHook } from "./hooks.ts";
import { operate, phaseError } from "./operation.ts";
import { type CacheMeta, CacheOutcome, type GetOrSetResult } from "./outcome.ts";
import { report } from "./report.ts";
import { abortedError, untilAborted } from "./signal.ts";
import { tracedCall, tracedCallIfWatched } from "./spans.ts";
import type { Entry, Store } from "./store.ts";

type Result = Effect.Effect<GetOrSetResult<unknown>, unknown>;

/** Gets the entry, or has one caller of all fetch and fill it. */
export function getOrSet(call: Call): Result {
  const { key, settings: { store, signal } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    const entry = store.peek?.(key, wallMillis(clock));
    if (entry !== undefined) return hit(call, entry);
    const caller: Caller = { call, tries: call.settings.tries };
    const missed = store.peek === undefined ? look(caller) : seek(caller);
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

const HIT: CacheMeta = Object.freeze({ cache: CacheOutcome.HIT });

function hit({ key, settings: { hooks } }: Call, { value }: Entry<unknown>): Result {
  const result = { value, meta: HIT };
  const { onHit } = hooks;
  return onHit === undefined
    ? Effect.succeed(result)
    : Effect.as(runHook("onHit", key, () => onHit(value, { key })), result);
}

/** Reads the entry, once for all who come meanwhile, in the first one's own fiber; a miss flies on from there. */
function look(caller: Caller): Result {
  const { call } = caller;
  return asStarter(call, (now, open) => {
    const flights = flightsOf(call).leading;
    if (flights?.has(call.key)) return seek(caller);

    const flight = open(flights);
    const go = (body: Effect.Effect<End>) => tracedCall(caller, fly(flight, caller, body, seek));
    return Effect.flatMap(read(flight, call), (found) => {
      if (found === undefined) return go(contend(flight, caller));
      if (!(found instanceof Error)) {
        const end: End = { _tag: "Value", value: found.value, source: "hit", stored: true };
        return Effect.flatMap(finish(flight, end), () => hit(call, found));
      }
      return call.settings.bypass ? go(fetchAlone(flight, call, "bypass")) : Effect.flatMap(
        finish(flight, { _tag: "Failed", error: found, everyone: true }),
        () => Effect.fail(found),
      );
    });
  });
}

/** Reads the entry: undefined for a miss, which one that can't be decoded is as well; or why it could not be read. */
function read(
  flight: Flight,
  call: Call,
): Effect.Effect<Entry<unknown> | undefined | CacheLockingError> {
  const { key, settings: { store, operationTimeout, bypass } } = call;
  return Effect.matchEffect(operate(store, "get", key, operationTimeout, () => store.get(key)), {
    onSuccess: Effect.succeed,
    onFailure: (error) => {
      const failure = phaseError(store, key, error);
      if (error.corrupt) return Effect.as(report(flight, call.settings, failure), undefined);
      return bypass
        ? Effect.as(report(flight, call.settings, failure), failure)
        : Effect.succeed(failure);
    },
  });
}

/** Joins the flight of the key, or starts it. */
function seek(caller: Caller): Result {
  const { call } = caller;
  return asStarter(call, (now, open) => {
    const flights = flightsOf(call).leading;
    const current = flights?.get(call.key);
    if (current !== undefined) {
      caller.waitingSince ??= now;
      const patience = Math.max(0, caller.waitingSince + call.settings.waitMax - now);
      return tracedCallIfWatched(caller, joinFlight(current, caller, now, patience, seek));
    }
    const flight = open(flights);
    return tracedCall(caller, fly(flight, caller, contend(flight, caller), seek));
  });
}

/** Waiting is over: joins the process's fallback fetch, or starts it. One is shared for as long as a lease would live. */
function fallBack(caller: Caller): Result {
  const { call } = caller;
  const { leaseTtl } = call.settings;
  return asStarter(call, (now, open) => {
    const flights = flightsOf(call).fallingBack;
    const current = flights?.get(call.key);
    if (current !== undefined && now - current.since < leaseTtl) {
      return joinFlight(current, caller, now, leaseTtl, fallBack);
    }
    const flight = open(flights);
    return fly(flight, caller, fetchAlone(flight, call, "fallback"), fallBack);
  });
}

/** Runs what may open a flight; whenever it is interrupted after that, the flight's starter has left it. */
function asStarter(
  { key }: Call,
  run: (now: number, open: (flights: Flights | undefined) => Flight) => Result,
): Result {
  let opened: Flight | undefined;
  return Effect.onInterrupt(
    Effect.clockWith((clock) => {
      const now = monotonicMillis(clock);
      return run(now, (flights) => opened = openFlight(flights, key, now));
    }),
    () => opened === undefined ? Effect.void : abandon(opened),
  );
}

/** Starts the flight and waits for its end as its first caller. */
function fly(
  flight: Flight,
  caller: Caller,
  body: Effect.Effect<End>,
  again: (caller: Caller) => Result,
): Result {
  const { key, settings: { store } } = caller.call;
  return Effect.flatMap(
    depart(flight, Effect.annotateLogs(body, { key, adapter: store.name })),
    (end) =>
      flight.hookFailure === undefined
        ? settle(caller, flight, end, true, again)
        : Effect.failCause(flight.hookFailure),
  );
}

/** Waits in a flight that another caller started. */
function joinFlight(
  flight: Flight,
  caller: Caller,
  now: number,
  patience: number,
  again: (caller: Caller) => Result,
): Result {
  const failures = flight.failures;
  return Effect.flatMap(join(flight, now, patience, caller.tries), (signal) => {
    caller.tries -= flight.failures - failures;
    return settle(caller, flight, signal, false, again);
  });
}

/** What the signal means for one caller: its result, its failure, or another try. */
function settle(
  caller: Caller,
  flight: Flight,
  signal: Signal,
  started: boolean,
  again: (caller: Caller) => Result,
): Result {
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  switch (signal._tag) {
    case "Value":
      return arrive(caller, signal, started);
    case "FetchFailed":
      if (started) return Effect.failCause(signal.cause);
      caller.lastFailure = Cause.squash(signal.cause);
      return --caller.tries > 0 ? again(caller) : Effect.fail(outOfTries(caller));
    case "Failed":
      return started || (signal.everyone && !caller.call.settings.bypass)
        ? Effect.fail(signal.error)
        : again(caller);
    case "FallBack":
    case "OutOfTime":
      return stopWaiting(caller);
    case "OutOfTries":
      return Effect.fail(outOfTries(caller));
    case "Over":
      return again(caller);
    case "Died":
      return Effect.failCause(signal.cause);
  }
}

/** The caller's own outcome, and its hook. */
function arrive(
  caller: Caller,
  { value, source, stored, invalid }: End & { readonly _tag: "Value" },
  started: boolean,
): Result {
  const { call, leaseUntil = 0 } = caller;
  const { key, settings: { hooks: { onLeader, onFollowerWait, onFallback } } } = call;
  if (started && invalid !== undefined) return Effect.fail(invalid);
  if (source === "bypass") return Effect.succeed({ value, meta: { cache: CacheOutcome.BYPASS } });
  if (source === "hit" && !(started && caller.waitingSince !== undefined)) {
    return hit(call, { value });
  }
  return Effect.flatMap(waitedOf(caller), (waited) => {
    const meta = waited === undefined ? { leaseUntil } : { leaseUntil, waited };
    const result = (cache: CacheOutcome) => ({ value, meta: { cache, ...meta } });
    if (source === "leader" && started) {
      const cache = stored ? CacheOutcome.MISS_LEADER : CacheOutcome.MISS_LEADER_NOCACHE;
      const context = { key, leaseUntil, cached: stored };
      return after("onLeader", call, onLeader && (() => onLeader(value, context)), result(cache));
    }
    const context = { key, leaseUntil, waited: waited ?? Duration.zero };
    return source === "fallback"
      ? after(
        "onFallback",
        call,
        onFallback && (() => onFallback(value, context)),
        result(CacheOutcome.MISS_FOLLOWER_FALLBACK),
      )
      : after(
        "onFollowerWait",
        call,
        onFollowerWait && (() => onFollowerWait({ ...context, outcome: "HIT" })),
        result(CacheOutcome.MISS_FOLLOWER_HIT),
      );
  });
}

/** The caller's waiting ended without a value. */
function stopWaiting(caller: Caller): Result {
  if (caller.waited !== undefined) return fallBack(caller);
  const { call, leaseUntil = 0 } = caller;
  const { key, settings: { hooks: { onFollowerWait } } } = call;
  return Effect.flatMap(waitedOf(caller), (waited = Duration.zero) => {
    caller.waited = waited;
    const context = { key, leaseUntil, waited, outcome: "FALLBACK" } as const;
    const hook = onFollowerWait && (() => onFollowerWait(context));
    const told = after("onFollowerWait", call, hook, undefined);
    return Effect.flatMap(told, () => fallBack(caller));
  });
}

/** How long the caller waited for others, if it did. */
function waitedOf({ waited, waitingSince }: Caller): Effect.Effect<Duration.Duration | undefined> {
  return waited !== undefined || waitingSince === undefined
    ? Effect.succeed(waited)
    : Effect.clockWith((clock) =>
      Effect.succeed(Duration.millis(monotonicMillis(clock) - waitingSince))
    );
}

/** A result, after its hook if there is one. */
function after<A>(
  name: keyof Hooks<unknown>,
  { key }: Call,
  hook: (() => HookEffect) | undefined,
  result: A,
): Effect.Effect<A, unknown> {
  return hook === undefined ? Effect.succeed(result) : Effect.as(runHook(name, key, hook), result);
}

/** The flights of one store: those that lead or follow, and those that fall back. */
interface Air {
  readonly leading: Flights;
  readonly fallingBack: Flights;
}

const air = new WeakMap<Store<unknown>, Air>();

/** The flights that the call may join: none where it doesn't coalesce. */
function flightsOf({ settings: { store, coalesce } }: Call): Partial<Air> {
  if (!coalesce) return {};
  let flights = air.get(store);
  if (flights === undefined) {
    flights = { leading: new Map(), fallingBack: new Map() };
    air.set(store, flights);
  }
  return flights;
}

/** How many flights of a store are under way that callers can join. */
export function flightsUnderWay(store: Store<unknown>): number {
  const { leading, fallingBack } = air.get(store) ?? {};
  return (leading?.size ?? 0) + (fallingBack?.size ?? 0);
}

/** Makes those who come from now on start anew: what is under way began before the key was set or deleted. */
export function retireFlights(store: Store<unknown>, key: string): void {
  air.get(store)?.leading.get(key)?.retire();
  air.get(store)?.fallingBack.get(key)?.retire();
}
