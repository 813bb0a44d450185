import { getOrSet } from "../engine/get_or_set.ts";
import { attributesOf, type Call, type Settings, type Together } from "../engine/call.ts";
import type { ClientOptions } from "./common_options.ts";
import type { DurationInput } from "../model/duration.ts";
import * as Effect from "effect/Effect";
import { wallMillis } from "../effect/clock.ts";
import * as Option from "effect/Option";
import type * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { serviceLayer, type ServiceTag } from "../effect/layer.ts";
import {
  type AdapterError,
  type CacheLockingError,
  formatCacheLockingError,
  isCacheLockingError,
} from "../model/errors.ts";
import type { HooksError, HooksServices, NoHooks } from "../model/hooks.ts";
import { closedError, closing } from "../engine/closing.ts";
import { invalidKey, isKey } from "./key.ts";
import { retireFlights } from "../engine/flight.ts";
import { ask, phaseError } from "../engine/operation.ts";
import { deadline } from "../effect/deadline.ts";
import type {
  AdapterOptions,
  CallOptions,
  Fetcher,
  GetOrSetOptions,
  HooksOptions,
} from "./options.ts";
import type { Closable } from "../model/closable.ts";
import { allValues, callMany, eachOf, type OwnOptions, withoutOwn } from "./many.ts";
import type { KeyOption, SetManyOptions } from "./common_many_options.ts";
import type { BatchFetcher, ManyOptions, ManyResults } from "./many_options.ts";
import type { GetOrSetResult } from "../model/outcome.ts";
import { type CacheStats, statsOf } from "../model/stats.ts";
import { reportError } from "../engine/background.ts";
import { toRefresh } from "../engine/renewal.ts";
import { ownValue } from "../engine/result.ts";
import {
  aloneOptionNames,
  callOptionNames,
  clientOptionNames,
  invalid,
  known,
  manyOptionNames,
  newClientParts,
  type OpenAdapter,
  reading,
  settingsOf,
  ttl as ttlOption,
} from "./settings.ts";
import { type Entry, isFresh } from "../store/store.ts";
import { lifetimeOf, ttlOf } from "../engine/entry_ttl.ts";

/**
 * A cache with its own defaults, which are checked once. `H` is the type of its default hooks, `F` that of the
 * failures that it shares. `await using` closes it, where TypeScript has that.
 */
export interface CacheClient<H = NoHooks, F = never> extends Closable {
  /** Gets the entry. On a miss, one caller of all fetches and fills it, as with `Cache.getOrSet`. */
  getOrSet<V, E = never, R = never, H2 = NoHooks>(
    key: string,
    fetcher: Fetcher<V, E, R>,
    overrides?: CallOptions<V> & HooksOptions<V, H2>,
  ): Effect.Effect<
    GetOrSetResult<V>,
    E | F | HooksError<H> | HooksError<H2> | CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /**
   * Fetches and fills, under the lease, though the entry is fresh; meanwhile all others hit. It joins a fetch that is under
   * way in this process, and waits for one of another: the value that it gets is stored after the call began, and may have been
   * fetched before. It never gets a stale value in place of an error. The entry stays where the fetch fails.
   */
  refresh<V, E = never, R = never, H2 = NoHooks>(
    key: string,
    fetcher: Fetcher<V, E, R>,
    overrides?: CallOptions<V> & HooksOptions<V, H2>,
  ): Effect.Effect<
    GetOrSetResult<V>,
    E | F | HooksError<H> | HooksError<H2> | CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /** Reads the entry. */
  get<V = unknown>(
    key: string,
  ): Effect.Effect<Option.Option<V>, HooksError<H> | CacheLockingError, HooksServices<H>>;
  /**
   * Stores a value for `ttl`, or for the client's `cacheTtl` without it. Zero removes the entry. A fetch that began before
   * can't overwrite the value.
   */
  set(key: string, value: unknown, ttl?: DurationInput): Effect.Effect<void, CacheLockingError>;
  /**
   * Ends the time of the entry, as if its `cacheTtl` were over: the next call fetches, unless it may have the value while it
   * is stale. A fetch that began before can't store the old value.
   */
  expire(key: string): Effect.Effect<void, CacheLockingError>;
  /** Removes the entry. A fetch that began before can't store the old value. */
  delete(key: string): Effect.Effect<void, CacheLockingError>;
  /**
   * Gets the entries of many keys, and has what is missing fetched together: those that this process is to fetch in one
   * fetch, before it waits for any other. Each key is as a call of its own in everything else: its lease, its hooks, its
   * outcome, its failure. Other calls share their fetches with it, for one key or for many.
   */
  getOrSetMany<K, V, E = never, R = never, H2 = NoHooks>(
    keys: Iterable<K>,
    fetcher: BatchFetcher<K, V, E, R>,
    options: ManyOptions<V, H2> & KeyOption<K>,
  ): Effect.Effect<
    ManyResults<K, V, E | F | HooksError<H> | HooksError<H2>>,
    CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /** The same for keys that are strings. */
  getOrSetMany<K, V, E = never, R = never, H2 = NoHooks>(
    keys: Iterable<K> & Iterable<string>,
    fetcher: BatchFetcher<K, V, E, R>,
    options?: ManyOptions<V, H2>,
  ): Effect.Effect<
    ManyResults<K, V, E | F | HooksError<H> | HooksError<H2>>,
    CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /** As `getOrSetMany`, with the values alone; fails with the first failure in the order of the keys, once all have ended. */
  getOrSetAll<K, V, E = never, R = never, H2 = NoHooks>(
    keys: Iterable<K>,
    fetcher: BatchFetcher<K, V, E, R>,
    options: ManyOptions<V, H2> & KeyOption<K>,
  ): Effect.Effect<
    ReadonlyMap<K, V>,
    E | F | HooksError<H> | HooksError<H2> | CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /** The same for keys that are strings. */
  getOrSetAll<K, V, E = never, R = never, H2 = NoHooks>(
    keys: Iterable<K> & Iterable<string>,
    fetcher: BatchFetcher<K, V, E, R>,
    options?: ManyOptions<V, H2>,
  ): Effect.Effect<
    ReadonlyMap<K, V>,
    E | F | HooksError<H> | HooksError<H2> | CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H> | HooksServices<H2>
  >;
  /** Reads the entries of many keys: those that are there, in the order of the keys. */
  getMany<V = unknown, K = unknown>(
    keys: Iterable<K>,
    options: KeyOption<K>,
  ): Effect.Effect<ReadonlyMap<K, V>, HooksError<H> | CacheLockingError, HooksServices<H>>;
  /** The same for keys that are strings. */
  getMany<V = unknown, K extends string = string>(
    keys: Iterable<K>,
  ): Effect.Effect<ReadonlyMap<K, V>, HooksError<H> | CacheLockingError, HooksServices<H>>;
  /**
   * Stores many values, as `set` does each. It tries all of them; then it fails if one did. No step stores them all at once.
   */
  setMany<K>(
    entries: Iterable<readonly [K, unknown]>,
    options: SetManyOptions<DurationInput> & KeyOption<K>,
  ): Effect.Effect<void, CacheLockingError>;
  /** The same for keys that are strings. */
  setMany(
    entries: Iterable<readonly [string, unknown]>,
    options?: SetManyOptions<DurationInput>,
  ): Effect.Effect<void, CacheLockingError>;
  /** Removes many entries, as `delete` does each. It tries all of them; then it fails if one did. */
  deleteMany<K>(keys: Iterable<K>, options: KeyOption<K>): Effect.Effect<void, CacheLockingError>;
  /** The same for keys that are strings. */
  deleteMany(keys: Iterable<string>): Effect.Effect<void, CacheLockingError>;
  /** What the client has counted since it was made. */
  stats(): CacheStats;
  /**
   * Closes the client, as its process is about to end. Its calls fail with `CLOSED`, those under way at once; its fetches are
   * interrupted, also in the background, and their leases released, so that other processes take over. A value that is being
   * stored is stored and returned. Connections of its own are closed, not those of the client that you gave it.
   *
   * It has ended when all this is done, after the client's `operationTimeout` at the latest. It never fails, and may be run
   * again.
   */
  close(): Effect.Effect<void>;
}

/** The entry points, for the adapters that `Config` configures. */
export interface CacheModule<Config> {
  /** Gets the entry of a key. On a miss, one caller of all fetches and fills it. */
  getOrSet<V, E = never, R = never, H = NoHooks>(
    options: GetOrSetOptions<V, E, R, H, Config>,
  ): Effect.Effect<
    GetOrSetResult<V>,
    E | HooksError<H> | CacheLockingError,
    Exclude<R, Scope.Scope> | HooksServices<H>
  >;
  /**
   * Makes a client, and checks its defaults once: throws a `VALIDATION_ERROR` for bad ones.
   */
  make<H = NoHooks, F = never>(defaults: MakeOptions<Config, H, F>): CacheClient<H, F>;
  /**
   * A layer with a client as the service of a tag of yours: a class of `Context.Service` in Effect 4, of `Context.Tag` in
   * Effect 3. The client is made as the layer is built, and closed with it. The options may be an effect, such as one that
   * needs the backend's client of another layer. Bad options are a defect, as what {@linkcode make} throws.
   */
  layer<I, S, H = NoHooks, E = never, R = never, F = never>(
    tag: ServiceTag<I, S> & (CacheClient<H, F> extends S ? unknown : never),
    options: MakeOptions<Config, H, F> | Effect.Effect<MakeOptions<Config, H, F>, E, R>,
  ): Layer.Layer<I, E, Exclude<R, Scope.Scope>>;
}

/** The options of a client: its adapter, its name, and the defaults of its calls. */
export type MakeOptions<Config, H = NoHooks, F = never> =
  & AdapterOptions<Config>
  & ClientOptions<F, DurationInput>
  & CallOptions<unknown>
  & HooksOptions<unknown, H>;

/** Makes the entry points over the adapters that `open` knows. */
export function makeCacheModule<Config>(open: OpenAdapter): CacheModule<Config> {
  return {
    getOrSet: ((options: { readonly key: unknown; readonly fetcher: unknown }) => {
      const called = reading(() =>
        call(
          settingsOf(known(options, aloneOptionNames), open, { log: logWarning }),
          options.key,
          options.fetcher,
        )
      );
      return isCacheLockingError(called) ? Effect.fail(called) : called;
    }) as CacheModule<Config>["getOrSet"],
    make: (defaults) => makeClient(defaults, open, logWarning) as never,
    layer: (tag, options) => {
      const given = Effect.isEffect(options) ? options : Effect.succeed(options);
      const made = Effect.map(given, (options) => makeClient(options, open, logWarning));
      return serviceLayer(
        tag as ServiceTag<never, CacheClient>,
        made,
        (client) => client.close(),
      ) as never;
    },
  };
}

// Not the engine's: Effect's loggers are a twentieth of a program of the plain face, which has no need of them.
const logWarning: Settings["log"] = (error) => Effect.logWarning(formatCacheLockingError(error));

/** Makes a client. It logs what fails no call, where there is no hook `onError`. */
export function makeClient<H>(
  defaults: unknown,
  open: OpenAdapter,
  log: Settings["log"],
  parts = newClientParts(),
): CacheClient<H> {
  const resolve = (options: () => object) =>
    reading(() => settingsOf(options(), open, { parts, log }));
  const settings = resolve(() => known(defaults, clientOptionNames));
  if (isCacheLockingError(settings)) throw settings;

  /**
   * Runs an operation that changes the entry. Later callers don't join the flights that began before it. An operation that
   * failed or was interrupted may have changed the entry, too.
   */
  const change = (key: string, changing: Effect.Effect<void, AdapterError>) =>
    Effect.mapError(
      Effect.ensuring(changing, Effect.sync(() => retireFlights(settings.store, key))), // mutate: change
      (error) => phaseError({ settings, key }, error),
    );
  const checked = <A, E>(key: unknown, run: (key: string) => Effect.Effect<A, E, unknown>) =>
    Effect.suspend((): Effect.Effect<A, E | CacheLockingError, unknown> => {
      if (!isKey(key)) return Effect.fail(invalidKey(key));
      return parts.state.closed ? Effect.fail(closedError(key)) : run(key);
    });
  const close = closing(settings);
  const remove = (key: string) => change(key, ask({ settings, key }, "delete", []));

  const settingsWith = (overrides: object | undefined, names = callOptionNames) =>
    overrides === undefined
      ? settings
      : resolve(() => merge(defaults as object, known(overrides, names)));

  const set = (key: unknown, value: unknown, ttl?: DurationInput) =>
    checked(key, (key) => {
      const millis = ttl === undefined
        ? ttlOf(settings, key, value)
        : reading(() => ttlOption("ttl", ttl));
      if (isCacheLockingError(millis)) return Effect.fail(millis);
      return millis === 0 ? remove(key) : change(
        key,
        ask({ settings, key }, "set", [value, lifetimeOf(settings, millis)]),
      );
    });

  const many = (keys: unknown, fetcher: unknown, options: OwnOptions = {}) => {
    const calling = reading(() => {
      const own = settingsWith(withoutOwn(options), manyOptionNames);
      return isCacheLockingError(own) ? own : callMany(own, keys, fetcher, options);
    });
    return isCacheLockingError(calling) ? Effect.fail(calling) : calling;
  };

  const client = {
    getOrSet: (key: unknown, fetcher: unknown, overrides?: object) => {
      const own = settingsWith(overrides);
      return isCacheLockingError(own) ? Effect.fail(own) : call(own, key, fetcher);
    },
    refresh: (key: unknown, fetcher: unknown, overrides?: object) => {
      const own = settingsWith(overrides);
      return isCacheLockingError(own) ? Effect.fail(own) : call(toRefresh(own), key, fetcher);
    },
    getOrSetMany: many,
    getOrSetAll: (keys: unknown, fetcher: unknown, options?: object) =>
      Effect.flatMap(many(keys, fetcher, options), allValues),
    get: (key: unknown) => checked(key, (key) => read(settings, key)),
    getMany: (keys: unknown, { key: keyOf }: OwnOptions = {}) => {
      const reads = { asked: new Map(), look: () => () => {}, deadline };
      return Effect.map(
        eachOf(keys, keyOf, (key) => checked(key, (key) => read(settings, key, reads))),
        (found) =>
          new Map(
            [...found].flatMap(([key, value]) => Option.isSome(value) ? [[key, value.value]] : []),
          ),
      );
    },
    set,
    setMany: (
      entries: Iterable<readonly [unknown, unknown]>,
      { key: keyOf, ttl }: OwnOptions & SetManyOptions<DurationInput> = {},
    ) =>
      Effect.suspend(() => {
        const values = reading(() => new Map(entries));
        if (isCacheLockingError(values)) return Effect.fail(values);
        return Effect.asVoid(
          eachOf(values.keys(), keyOf, (name, key) => set(name, values.get(key), ttl)),
        );
      }),
    expire: (key: unknown) =>
      checked(key, (key) => change(key, ask({ settings, key }, "expire", []))),
    delete: (key: unknown) => checked(key, remove),
    deleteMany: (keys: unknown, { key: keyOf }: OwnOptions = {}) =>
      Effect.asVoid(eachOf(keys, keyOf, (key) => checked(key, remove))),
    stats: () => statsOf(parts.counters, settings.name),
    close: () => close,
    [Symbol.asyncDispose]: () => Effect.runPromise(close),
  };
  return client as unknown as CacheClient<H>;
}

/** Reads the entry, for the client's `get`. An entry that can't be decoded is reported, and is a miss. */
function read(
  settings: Settings,
  key: string,
  gather?: Together,
): Effect.Effect<Option.Option<unknown>, unknown> {
  const found = (entry: Entry<unknown> | undefined) =>
    entry !== undefined && isFresh(entry) ? Option.some(entry.value) : Option.none();
  const asked = Effect.clockWith((clock) => {
    const here = settings.store.peek?.(key, wallMillis(clock));
    return here === undefined
      ? ask({ settings, key, gather }, "get", [])
      : Effect.succeed({ ...here, value: ownValue(settings, here.value) });
  });
  return Effect.matchEffect(asked, {
    onSuccess: (entry) => Effect.succeed(found(entry)),
    onFailure: (error) => {
      const failure = phaseError({ settings, key }, error);
      if (!error.corrupt) return Effect.fail(failure);
      const reported = Effect.annotateLogs(
        reportError({ settings, key }, failure),
        attributesOf({ settings, key }),
      );
      return Effect.as(reported, Option.none());
    },
  });
}

/** Checks the key and the fetcher, and runs the call. */
function call(
  settings: Settings,
  key: unknown,
  fetcher: unknown,
): Effect.Effect<GetOrSetResult<unknown>, unknown> {
  if (!isKey(key)) return Effect.fail(invalidKey(key));
  if (typeof fetcher !== "function") {
    return Effect.fail(invalid("fetcher", "a function that returns an Effect", fetcher));
  }
  return getOrSet({ settings, key, fetcher: fetcher as Call["fetcher"] });
}

/** The options of one call of a client: its own options first, then the client's. */
export function merge(defaults: object, overrides: object): object {
  const own = Object.entries(overrides).filter(([, value]) => value !== undefined);
  const merged: Record<string, unknown> = { ...defaults, ...Object.fromEntries(own) };
  const { hooks } = merged;
  if ("hooks" in defaults && typeof hooks === "object" && hooks !== null) {
    merged.hooks = { ...defaults.hooks as object, ...hooks };
  }
  return merged;
}
