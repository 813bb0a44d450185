import { Clock, Deferred, Effect, type Fiber, Scope } from "effect";
import assert from "node:assert/strict";
import type { CacheClient, CallOptions, GetOrSetResult, L1Options } from "../../mod.ts";
import { makeCacheModule } from "../../src/face/client.ts";
import type { AdapterError, AdapterOperation, CacheLockingError } from "../../src/model/errors.ts";
import { entriesOfHalf, storeOfHalves } from "../../src/store/halves.ts";
import type { Acquired, Store, StoreOfMany } from "../../src/store/store.ts";
import { randomToken } from "../../src/model/token.ts";
import type { Backend, Gaps } from "./backend.ts";
import { type Delays, startDelays } from "./delays.ts";
import { assertTellsNothing } from "./told.ts";

/** One thing that the suite shows of a store. */
export interface Property {
  readonly name: string;
  /** The guarantees without which it doesn't hold. */
  readonly needs?: readonly (keyof Gaps)[];
  /** What the backend's description must tell for it. */
  readonly given?: "leftovers" | "mortal";
  /** Why it can't be shown of this backend. */
  readonly skipped?: string | undefined;
  /** True where no other may run beside it: it moves this process's clock, takes its time, or keeps it busy. */
  readonly alone?: boolean;
  /** The steps of the case, as `Effect.gen` takes them. */
  holds(world: World): Generator<unknown, unknown, never>;
}

/** Two processes over one backend, and a key that is cold. */
export interface World {
  readonly backend: Backend;
  readonly gaps: Gaps;
  readonly one: Process;
  readonly two: Process;
  readonly key: string;
  /** How long what is waited for lives, in milliseconds. */
  readonly short: number;
  /** The unit to which the backend rounds up, in milliseconds. */
  readonly granularity: number;
  /** Whether the case has looked at `short`, so that it is about what comes sooner and what later. */
  readonly timed: () => boolean;
  /** How late a step of the case was at most, in milliseconds: how long this process stood still, or an operation took. */
  readonly delay: () => number;
  /** Waits until what lived for `short` is over. */
  readonly expired: Effect.Effect<void>;
  /** Waits until the lease of another is over that lived for `short`, and acquires. */
  readonly takeOver: (
    store: Store<unknown>,
    owner: string,
    waitedFor?: string,
  ) => Effect.Effect<Acquired<unknown>, AdapterError>;
}

/** One process's store, and how many times it was asked for what. */
export interface Process extends Store<unknown> {
  readonly counts: Partial<Record<AdapterOperation, number>>;
  /** Waits until so many of its callers were told to follow. */
  readonly follows: (times?: number) => Effect.Effect<void>;
}

/** Longer than any case takes, in milliseconds. */
export const LONG = 60_000;

/** The longest that anything takes that happens at once, in milliseconds, on a slow machine. */
export const SOON = 15_000;

/** How long what is waited for lives by default, in milliseconds. */
export const PACE = 300;

/** Opens both processes for one case. */
export function openWorld(backend: Backend): Effect.Effect<World, unknown, Scope.Scope> {
  const { granularity = 1, pace = PACE, gaps = {} } = backend;
  const key = `conformance:${randomToken()}`;
  const short = Math.max(pace, 2 * granularity);
  const expired = Effect.sleep(short + granularity + 20);
  let timed = false;
  return Effect.gen(function* () {
    const delays = yield* Effect.acquireRelease(
      Effect.sync(startDelays),
      ({ stop }) => Effect.sync(stop),
    );
    const open = Effect.map(
      backend.open,
      (opened) =>
        counted(
          "cache" in opened ? storeOfHalves(entriesOfHalf(opened.cache), opened.leases) : opened,
          delays,
        ),
    );
    const [one, two] = [yield* open, yield* open];
    return {
      backend,
      gaps,
      granularity,
      one,
      two,
      key,
      get short() {
        timed = true;
        return short;
      },
      timed: () => timed,
      delay: delays.longest,
      expired,
      takeOver: (store, owner, waitedFor) =>
        Effect.gen(function* () {
          yield* expired;
          const answer = yield* store.acquire(key, owner, LONG, { waitedFor });
          if (gaps.expiry === undefined || answer._tag === "Leader") return answer;
          yield* expired;
          return yield* store.acquire(key, owner, LONG, { waitedFor });
        }),
    };
  });
}

function counted(store: Store<unknown>, delays: Delays): Process {
  const counts: Partial<Record<AdapterOperation, number>> = {};
  const followers = new Set<string>();
  const counting = around(store, (operation, run) =>
    Effect.suspend(() => {
      counts[operation] = (counts[operation] ?? 0) + 1;
      const told = Effect.tapError(run, (error) => Effect.sync(() => assertTellsNothing(error)));
      const end = delays.begin();
      return Effect.onExit(told, () => Effect.sync(end));
    }));
  const told = (answer: Acquired<unknown> | AdapterError, owner: string) => {
    if (answer._tag === "Follower") followers.add(owner);
  };
  const { acquireMany } = counting;
  return {
    ...counting,
    counts,
    follows: (times = 1) => until(`${times} callers follow`, () => followers.size >= times),
    acquire: (key, owner, ttl, options) =>
      Effect.tap(
        counting.acquire(key, owner, ttl, options),
        (answer) => Effect.sync(() => told(answer, owner)),
      ),
    ...(acquireMany && {
      acquireMany: (asked) =>
        Effect.tap(
          acquireMany(asked),
          (answers) =>
            Effect.sync(() => answers.forEach((answer, index) => told(answer, asked[index]![1]))),
        ),
    }),
  };
}

/** A store whose every operation goes through a function. */
export function around(
  store: Store<unknown>,
  wrap: <A, E, R>(
    operation: AdapterOperation,
    run: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, R>,
): Store<unknown> {
  return {
    ...store,
    get: (key, aged) => wrap("get", store.get(key, aged)),
    set: (key, value, lifetime) => wrap("set", store.set(key, value, lifetime)),
    expire: (key) => wrap("expire", store.expire(key)),
    delete: (key) => wrap("delete", store.delete(key)),
    acquire: (key, owner, ttl, options) => wrap("acquire", store.acquire(key, owner, ttl, options)),
    renew: (key, owner, ttl) => wrap("renew", store.renew(key, owner, ttl)),
    fill: (key, owner, value, lifetime) => wrap("fill", store.fill(key, owner, value, lifetime)),
    release: (key, owner, outcome, failure) =>
      wrap("release", store.release(key, owner, outcome, failure)),
    ...(store.watch ? { watch: (key: string) => wrap("watch", store.watch!(key)) } : {}),
    ...(store.announce
      ? { announce: (key: string, owner: string) => store.announce!(key, owner) }
      : {}),
    ...aroundMany(store, wrap),
  };
}

/** The operations on many keys of a store that has some. */
function aroundMany(
  { getMany, acquireMany, renewMany, fillMany, releaseMany }: Store<unknown>,
  wrap: <A, E>(operation: AdapterOperation, run: Effect.Effect<A, E>) => Effect.Effect<A, E>,
): StoreOfMany<unknown> {
  return {
    ...(getMany && { getMany: (asked) => wrap("get", getMany(asked)) }),
    ...(acquireMany && { acquireMany: (asked) => wrap("acquire", acquireMany(asked)) }),
    ...(renewMany && { renewMany: (asked) => wrap("renew", renewMany(asked)) }),
    ...(fillMany && { fillMany: (asked) => wrap("fill", fillMany(asked)) }),
    ...(releaseMany && { releaseMany: (asked) => wrap("release", releaseMany(asked)) }),
  };
}

// Without the adapters, so that a suite in a Worker has no more than its own.
const Cache = makeCacheModule(() => undefined);

/** A client of a store, patient enough for a slow machine; what it is told by `onError` is added to `errors`. */
export function clientOf(
  adapter: Store<unknown>,
  options: CallOptions<unknown> & { readonly l1?: L1Options<number> } = {},
  errors: CacheLockingError[] = [],
): CacheClient {
  return Cache.make({
    adapter,
    leaseTtl: LONG,
    waitMax: LONG,
    operationTimeout: SOON,
    // Also where requests may not share what they do: a case is one of them.
    coalesce: true,
    ...options,
    hooks: {
      onError: (error: CacheLockingError) =>
        Effect.sync(() => {
          assertTellsNothing(error);
          errors.push(error);
        }),
    },
  });
}

/** The answer, if it has the tag. */
export function answered<Tag extends Acquired<unknown>["_tag"]>(
  answer: Acquired<unknown>,
  tag: Tag,
): Extract<Acquired<unknown>, { readonly _tag: Tag }> {
  assert.equal(answer._tag, tag);
  return answer as Extract<Acquired<unknown>, { readonly _tag: Tag }>;
}

/** Starts an effect that ends with the case at the latest. */
export function start<A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Fiber.Fiber<A, E>, never, R | Scope.Scope> {
  return Effect.flatMap(Effect.scope, (scope) => Effect.forkIn(effect, scope));
}

/** Many at once. */
export function atOnce<A, E, R>(
  times: number,
  effect: (index: number) => Effect.Effect<A, E, R>,
): Effect.Effect<A[], E, R> {
  return Effect.all(Array.from({ length: times }, (_, index) => effect(index)), {
    concurrency: "unbounded",
  });
}

/** Waits until something is so. */
export function until(what: string, condition: () => boolean): Effect.Effect<void> {
  return Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis;
    while (!condition()) {
      assert.ok((yield* Clock.currentTimeMillis) - began < SOON, `Waited in vain until ${what}`);
      yield* Effect.sleep(5);
    }
  });
}

/** An effect that must be done soon, and what it gives. */
export function soon<A, E, R>(
  what: string,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> {
  return Effect.map(Effect.timeoutOption(effect, SOON), (done) => {
    assert.ok(done._tag === "Some", `${what} took too long`);
    return done.value;
  });
}

/** An effect with its own scope, closed when it is done. */
export function scoped<A, E, R>(
  effect: Effect.Effect<A, E, R | Scope.Scope>,
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> {
  return Effect.scopedWith((scope) => Effect.provideService(effect, Scope.Scope, scope));
}

/** A fetch that ends when it is told to. */
export interface Fetch<E = never> {
  readonly fetcher: () => Effect.Effect<unknown, E>;
  /** How many times it was begun. */
  count: number;
  /** How many times it was interrupted. */
  interrupted: number;
  /** Lets it end, now and from now on. */
  readonly end: Effect.Effect<void>;
  /** Waits until it has begun, this often. */
  readonly begun: (times?: number) => Effect.Effect<void>;
}

/** Makes a fetch that ends as `result` does, given how many were begun before it. */
export function makeFetch<E = never>(
  result: (before: number) => Effect.Effect<unknown, E>,
): Fetch<E> {
  const gate = Effect.runSync(Deferred.make<void>());
  const fetch: Fetch<E> = {
    count: 0,
    interrupted: 0,
    fetcher: () =>
      Effect.suspend(() => {
        const before = fetch.count++;
        const waiting = Effect.onInterrupt(
          Deferred.await(gate),
          () => Effect.sync(() => void fetch.interrupted++),
        );
        return Effect.flatMap(waiting, () => result(before));
      }),
    end: Effect.asVoid(Deferred.succeed(gate, undefined)),
    begun: (times = 1) => until(`the fetch has begun ${times} times`, () => fetch.count >= times),
  };
  return fetch;
}

/** How many results there are of each outcome. */
export function outcomes(
  results: readonly GetOrSetResult<unknown>[],
): Partial<Record<GetOrSetResult<unknown>["meta"]["cache"], number>> {
  const counts: Partial<Record<GetOrSetResult<unknown>["meta"]["cache"], number>> = {};
  for (const { meta } of results) counts[meta.cache] = (counts[meta.cache] ?? 0) + 1;
  return counts;
}
