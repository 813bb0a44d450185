import { flightsFor } from "../engine/flight.ts";
import { startCall, startRefresh } from "../engine/get_or_set.ts";
import { whenAborted } from "../engine/signal.ts";
import type { Call, Settings } from "../engine/call.ts";
import { closedError } from "../engine/closing.ts";
import { isElected } from "../engine/election.ts";
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import { type Forked, interruptNoWait } from "../effect/fork.ts";
import type { CallEnd } from "../model/metrics.ts";
import { formatCacheLockingError, isCacheLockingError } from "../model/errors.ts";
import type { FetchContext } from "../model/fetch_context.ts";
import type { CacheMeta as EffectMeta, GetOrSetResult as EffectResult } from "../model/outcome.ts";
import type { NoHooks } from "../model/hooks.ts";
import { calledFlight, callFor } from "../engine/circle.ts";
import { toRefresh } from "../engine/renewal.ts";
import { hitHere, ownValue, peeked } from "../engine/result.ts";
import { heard, isHeard, tell, tellHit } from "../engine/telling.ts";
import { countCalls } from "../model/stats.ts";
import { makeClient, merge } from "./client.ts";
import { invalidKey, isKey } from "./key.ts";
import { allValues, callMany, type Exits, type OwnOptions, withoutOwn } from "./many.ts";
import { effectOptions, inMillis, promised } from "./effect_options.ts";
import type { CreateCache } from "./promise_cache.ts";
import type {
  CacheEntry,
  CacheMeta,
  Fetcher,
  GetOrSetResult,
  WrapOptions,
} from "./promise_options.ts";
import {
  callOptionNames,
  invalid,
  known,
  manyOptionNames,
  newClientParts,
  type OpenAdapter,
  reading,
  settingsOf,
} from "./settings.ts";

/** Makes {@linkcode CreateCache} over the adapters that `open` knows. */
export function createCacheOf<Config>(open: OpenAdapter): CreateCache<Config> {
  return (defaults) => {
    const parts = newClientParts();
    const client = makeClient<NoHooks>(effectOptions(defaults), open, log, parts);
    const resolve = (read: () => object) => {
      const settings = reading(() =>
        settingsOf(effectOptions(read()) as object, open, { parts, log })
      );
      if (isCacheLockingError(settings)) throw settings;
      return planOf(settings);
    };
    const plan = resolve(() => defaults);
    const planWith = (own: object | undefined, names = callOptionNames) =>
      own === undefined ? plan : resolve(() => merge(defaults, known(own, names)));
    const { store } = plan.settings;
    const getEntry = async <V>(key: string): Promise<CacheEntry<V> | undefined> => {
      const entry = parts.state.closed ? undefined : store.peek?.(key, Date.now());
      if (entry !== undefined) return { value: ownValue(plan.settings, entry.value) as V };
      const found = await toPromise(client.get<V>(key));
      return Option.isSome(found) ? { value: found.value } : undefined;
    };

    const many = async <A>(
      keys: unknown,
      fetcher: unknown,
      options: OwnOptions = {},
      read: (exits: Exits) => Effect.Effect<A, unknown>,
    ) => {
      const { settings, signal } = planWith(withoutOwn(options), manyOptionNames);
      if (signal?.aborted) throw signal.reason;
      const results = callMany(settings, keys, manyFetcher(fetcher), options);
      return await toPromise(Effect.flatMap(results, read), undefined, signal);
    };

    return {
      getOrSet: (key, fetcher, own) => {
        try {
          return getValue(planWith(own), key, fetcher);
        } catch (error) {
          return Promise.reject(error);
        }
      },
      getOrSetResult: async (key, fetcher, own) =>
        await call(planWith(own), key, fetcher, resultOf),
      refresh: async (key, fetcher, own) => {
        const { settings, signal } = planWith(own);
        const plan = { settings: toRefresh(settings), signal, alike: undefined, bare: false };
        return await call(plan, key, fetcher, valueOf);
      },
      getOrSetMany: (keys: unknown, fetcher: unknown, options?: object) =>
        many(keys, fetcher, options, (exits) => Effect.succeed(settledOf(exits))) as never,
      getOrSetAll: (keys: unknown, fetcher: unknown, options?: object) =>
        many(keys, fetcher, options, allValues) as never,
      getMany: (...args: [never]) => toPromise(client.getMany(...args)) as never,
      setMany: (...args: [never]) => toPromise(client.setMany(...args)),
      deleteMany: (...args: [never]) => toPromise(client.deleteMany(...args)),
      get: async <V>(key: string) => (await getEntry<V>(key))?.value,
      getEntry,
      set: (key, value, ttl) => toPromise(client.set(key, value, ttl as never)),
      expire: (key) => toPromise(client.expire(key)),
      delete: (key) => toPromise(client.delete(key)),
      stats: () => client.stats(),
      close: () => toPromise(client.close()),
      [Symbol.asyncDispose]: () => toPromise(client.close()),
      wrap: <Fn extends (...args: never[]) => unknown>(
        fn: Fn,
        options: WrapOptions<Parameters<Fn>, Awaited<ReturnType<Fn>>>,
      ) => {
        if (typeof fn !== "function") throw invalid("fn", "a function", fn);
        const { key: keyOf, ...own } = options ?? {};
        const wrapped = planWith(own);
        if (typeof keyOf !== "function") {
          throw invalid("key", "a function of the arguments that returns a key", keyOf);
        }
        return function (this: unknown, ...args: Parameters<Fn>) {
          try {
            const fetcher = () => fn.apply(this, args) as Awaited<ReturnType<Fn>>;
            return getValue(wrapped, keyOf(...args), fetcher);
          } catch (error) {
            return Promise.reject(error);
          }
        };
      },
    };
  };
}

const log: Settings["log"] = (error, name) =>
  Effect.sync(() => {
    const line = formatCacheLockingError(error);
    console.warn(name === undefined ? line : `${name}: ${line}`);
  });

/** What a call of some options does. */
interface Plan {
  readonly settings: Settings;
  readonly signal: AbortSignal | undefined;
  /** The flights in which nobody can tell the callers of this plan apart: none where each has its hooks run. */
  readonly alike: ReturnType<typeof flightsFor>;
  /** Whether a hit is nothing but the value that was found. */
  readonly bare: boolean;
}

function planOf(settings: Settings): Plan {
  const { signal, hooks: { onError: _, ...hooks } } = settings;
  const { onHit, onOutcome } = hooks;
  const isAlike = !settings.copy && Object.values(hooks).every((hook) => hook === undefined);
  return {
    // The signal is heeded here.
    settings: signal === undefined ? settings : { ...settings, signal: undefined },
    signal,
    alike: isAlike ? flightsFor({ settings, key: "" }, "leading") : undefined,
    bare: onHit === undefined && onOutcome === undefined && !settings.copy,
  };
}

/** The promise that callers who are alike share, of one of them who waits in the flight. */
interface Shared {
  readonly settings: Settings;
  value: Promise<unknown> | undefined;
  /** How many have it beside that one. */
  others: number;
}

/**
 * The value. Callers that are alike share one promise. Before that, as many wait by themselves as may take over from a
 * leader that fails, so that one of them gets its own fetch's error, and all others that they waited for too many.
 */
function getValue<V>(plan: Plan, key: string, fetcher: Fetcher<V>): Promise<V> {
  const { settings, alike } = plan;
  const flight = alike === undefined || alike.size() === 0 ? undefined : alike.get(key);
  // A read of many keys is found by each of them, and what a fetcher asks for may be a circle.
  const mayWait = flight !== undefined && flight.key === key && calledFlight() === undefined &&
    flight.call.settings.freshBelow === 0 && (settings.staleFor === undefined || flight.cold);
  if (!mayWait) return call(plan, key, fetcher, valueOf);
  const shared = flight.shared as Shared | undefined;
  if (shared !== undefined && shared.settings === settings && typeof fetcher === "function") {
    shared.others++;
    return shared.value as Promise<V>;
  }
  const own: Shared = { settings, value: undefined, others: 0 };
  const value = call(plan, key, fetcher, (value: V, { cache, waited }) => {
    const millis = waited && Duration.toMillis(waited);
    countCalls(settings.counters, cache, millis, own.others);
    tellOthers({ outcome: cache, waited: millis, error: undefined });
    return value;
  });
  const tellOthers = (end: Omit<CallEnd, "calls">) => {
    if (own.others > 0 && isHeard(settings)) tell(key, settings, { ...end, calls: own.others });
  };
  if (isHeard(settings)) {
    value.catch((error) => {
      if (!plan.signal?.aborted) tellOthers({ outcome: undefined, waited: undefined, error });
    });
  }
  own.value = value;
  if (flight.waiting > settings.maxFailures) flight.shared = own;
  return value;
}

/** What a call hands out of its result. */
type Pick<V, A> = (value: V, meta: EffectMeta) => A;

function valueOf<V>(value: V): V {
  return value;
}

function resultOf<V>(value: V, meta: EffectMeta): GetOrSetResult<V> {
  return { value, meta: inMillis(meta) as CacheMeta };
}

/**
 * Runs a call. A hit in this process goes round Effect, unless a hook is to be told of it. No closure here sees a parameter:
 * each hit would take memory for them.
 */
function call<V, A>(
  plan: Plan,
  key: string,
  fetcher: Fetcher<V>,
  pick: Pick<V, A>,
): Promise<A> {
  const { settings, signal } = plan;
  if (!isKey(key)) throw invalidKey(key);
  if (typeof fetcher !== "function") throw invalid("fetcher", "a function", fetcher);
  if (signal?.aborted) throw signal.reason;
  if (settings.client!.closed) throw closedError(key);
  const { store, freshBelow } = settings;
  const aged = settings.refreshAhead !== undefined;
  const entry = freshBelow > 0 ? undefined : store.peek?.(key, Date.now(), aged);
  if (entry === undefined) return miss(plan, callOf(settings, key, fetcher), pick);
  if (aged && isElected({ settings, key }, entry)) {
    startRefresh(callOf(settings, key, fetcher), entry);
  }
  if (plan.bare) {
    const meta = peeked(settings);
    tellHit(key, settings);
    return Promise.resolve(pick(entry.value as V, meta));
  }
  const found = heard({ settings, key }, hitHere({ settings, key }, entry.value));
  return picked(found, pick, signal);
}

function miss<V, A>({ signal }: Plan, call: Call, pick: Pick<V, A>): Promise<A> {
  return settled(
    (resume) => startCall(call, resume),
    ({ value, meta }: EffectResult<unknown>) => pick(value as V, meta),
    signal,
  );
}

function picked<V, A>(
  found: Effect.Effect<EffectResult<unknown>, unknown>,
  pick: Pick<V, A>,
  signal: AbortSignal | undefined,
): Promise<A> {
  return toPromise(found, ({ value, meta }) => pick(value as V, meta), signal);
}

/** A fetcher for many keys that returns a promise, as the engine has them; what is none is left as it is. */
function manyFetcher(fetcher: unknown): unknown {
  if (typeof fetcher !== "function") return fetcher;
  return (context: unknown) => {
    const flight = calledFlight();
    return promised(() => callFor(flight, fetcher as (context: unknown) => unknown, context));
  };
}

/** How the call for each key ended, as `Promise.allSettled` has it. */
function settledOf(exits: Exits): ReadonlyMap<unknown, PromiseSettledResult<unknown>> {
  return new Map(
    [...exits].map(([key, exit]): [unknown, PromiseSettledResult<unknown>] => [
      key,
      Exit.isSuccess(exit)
        ? { status: "fulfilled", value: resultOf(exit.value.value, exit.value.meta) }
        : { status: "rejected", reason: Cause.squash(exit.cause) },
    ]),
  );
}

/** The call of a fetcher that returns a promise. */
function callOf(settings: Settings, key: string, fetcher: Fetcher<unknown>): Call {
  return {
    settings,
    key,
    fetcher: (context: FetchContext) => {
      const flight = calledFlight();
      return promised(() => callFor(flight, fetcher, context));
    },
  };
}

/** Runs an effect. */
function toPromise<A, B = A>(
  effect: Effect.Effect<A, unknown>,
  pick: (answer: A) => B = (answer) => answer as never,
  signal?: AbortSignal,
): Promise<B> {
  return settled(
    (resume) => {
      resume(effect);
      return undefined;
    },
    pick,
    signal,
  );
}

/**
 * A promise of what is called back: an exit, or an effect that goes on to one. It is rejected with the effect's own error,
 * or with the signal's reason as soon as that is aborted.
 */
function settled<A, B>(
  start: (resume: (result: Effect.Effect<A, unknown>) => void) => (() => void) | undefined,
  pick: (answer: A) => B,
  signal: AbortSignal | undefined,
): Promise<B> {
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined;
    const stopBy = (leave: () => void) => {
      stop = leave;
      // What began may have aborted it at once.
      if (signal?.aborted) leave();
    };
    const unlisten = signal && whenAborted(signal, () => {
      reject(signal.reason);
      stop?.();
    });
    const end = (exit: Exit.Exit<A, unknown>) => {
      unlisten?.();
      if (exit._tag === "Success") resolve(pick(exit.value));
      else reject(Cause.squash(exit.cause));
    };
    const leave = start((result) => {
      if (Exit.isExit(result)) return end(result as Exit.Exit<A, unknown>);
      const fiber = Effect.runFork(result) as Forked<A, unknown>;
      stopBy(() => interruptNoWait(fiber));
      fiber.addObserver(end);
    });
    if (stop === undefined && leave !== undefined) stopBy(leave);
  });
}
