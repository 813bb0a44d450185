import type { Settings } from "../engine/call.ts";
import type { BatchContext } from "../engine/gather.ts";
import { getOrSetMany, type ResultExit } from "../engine/many.ts";
import { abortedError, untilAborted } from "../engine/signal.ts";
import { userCodeError } from "../engine/user_code.ts";
import { withContext } from "../effect/fork.ts";
import { sideBySide } from "../engine/side_by_side.ts";
import { kindOf, quoted } from "../model/describe.ts";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { type CacheLockingError, cacheLockingError, isCacheLockingError } from "../model/errors.ts";
import { invalidKey, isKey } from "./key.ts";
import { invalid, reading, ttl as ttlOption, wholeOf } from "./settings.ts";

/** The options that calls for many keys have beside those of other calls. */
export interface OwnOptions {
  readonly key?: unknown;
  readonly maxBatch?: unknown;
  readonly absent?: unknown;
}

/** A fetcher for many keys, as it was given. */
export type ManyFetcher = (context: BatchContext) => Effect.Effect<unknown, unknown, unknown>;

/** How the call for each key ended, in the order of the keys. */
export type Exits = ReadonlyMap<unknown, ResultExit>;

/** Checks the keys, the fetcher and the call's own options, which throws; then gets the entries. */
export function callMany(
  settings: Settings,
  given: unknown,
  fetcher: unknown,
  { key: keyOf, maxBatch = 100, absent }: OwnOptions = {},
): Effect.Effect<Exits, CacheLockingError> {
  const { signal } = settings;
  if (typeof fetcher !== "function") throw invalid("fetcher", "a function", fetcher);
  const instead = absentOf(absent);
  const named = namesOf(given, keyOf);
  const keys = new Map<string, unknown>();
  for (const [key, name] of named) {
    if (typeof name === "string") keys.set(name, key);
  }
  /** The keys that were left out of their last fetch. */
  const left = new Set<string>();
  /** Those of which their last fetch had a value. */
  const got = new Set<string>();
  const names = [...keys.keys()].sort();
  const running = getOrSetMany({
    keys: names,
    maxBatch: wholeOf("maxBatch", maxBatch, 1),
    settingsOf: (name) =>
      instead
        ? absentSettings(
          settings,
          instead.ttl,
          (value) => left.has(name) || !got.has(name) && Object.is(value, instead.value),
        )
        : settings,
    keyOf: (name) => keys.get(name),
    fetcher: (context) => {
      const returned = (fetcher as ManyFetcher)(context);
      return Effect.isEffect(returned)
        ? returned
        : Effect.succeed(new Refused("an Effect", returned));
    },
    pick(name, fetched) {
      if (fetched instanceof Refused || !isMap(fetched)) {
        const { must, is } = fetched instanceof Refused
          ? fetched
          : new Refused("a Map of values by key", fetched);
        const code = { what: "the fetcher", key: name, phase: "fetch" } as const;
        const problem = `must return ${must}, and returned ${is}`;
        return Exit.fail(userCodeError("VALIDATION_ERROR", code, problem));
      }
      const key = keys.get(name);
      if (fetched.has(key)) {
        left.delete(name);
        got.add(name);
        return Exit.succeed(fetched.get(key));
      }
      left.add(name);
      got.delete(name);
      if (instead === undefined) return Exit.fail(leftOut(name)); // mutate: left out
      return Exit.succeed(instead.value);
    },
  });
  const results = Effect.map(running, (exits): Exits => {
    const byName = new Map(names.map((name, index) => [name, exits[index]!]));
    return new Map(
      [...named].map(([key, name]) => [
        key,
        typeof name === "string" ? byName.get(name)! : Exit.fail(name),
      ]),
    );
  });
  if (signal === undefined) return results;
  return Effect.suspend(() =>
    signal.aborted
      ? Effect.fail(abortedError(undefined, signal))
      : untilAborted(undefined, signal, results)
  );
}

/** The values, or the first failure in the order of the keys. */
export function allValues(
  exits: Exits,
): Effect.Effect<ReadonlyMap<unknown, unknown>, unknown> {
  const values = new Map<unknown, unknown>();
  for (const [key, exit] of exits) {
    if (!Exit.isSuccess(exit)) return Effect.failCause(exit.cause);
    values.set(key, exit.value.value);
  }
  return Effect.succeed(values);
}

/** The options of a call for many keys that other calls have, too; undefined if there are none. */
export function withoutOwn(options: OwnOptions): object | undefined {
  if (typeof options !== "object" || options === null) return options;
  const { key: _key, maxBatch: _maxBatch, absent: _absent, ...rest } = options;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

/** Does something for each key, and gives what came of it; fails with the first failure in their order, once all have ended. */
export function eachOf<A>(
  given: unknown,
  keyOf: unknown,
  run: (name: string, key: unknown) => Effect.Effect<A, unknown, unknown>,
): Effect.Effect<ReadonlyMap<unknown, A>, unknown, unknown> {
  return Effect.suspend((): Effect.Effect<ReadonlyMap<unknown, A>, unknown, unknown> => {
    const named = reading(() => namesOf(given, keyOf));
    if (isCacheLockingError(named)) return Effect.fail(named);
    const entries = [...named];
    const exits = withContext((context) =>
      sideBySide<A>(context, entries.length, (index, end) => {
        const [key, name] = entries[index]!;
        const running = typeof name === "string" ? run(name, key) : Effect.fail(name);
        end(running as Effect.Effect<A, unknown>);
        return () => Effect.void;
      })
    );
    return Effect.flatMap(exits, (all) => {
      const done = new Map<unknown, A>();
      for (const [index, exit] of all.entries()) {
        if (!Exit.isSuccess(exit)) return Effect.failCause(exit.cause);
        done.set(entries[index]![0], exit.value);
      }
      return Effect.succeed(done);
    });
  });
}

/**
 * What each key is called in the store, in the order of the keys: of several that have the same name, the first. One that
 * can be no key has an error. Throws for what are no keys.
 */
export function namesOf(
  given: unknown,
  keyOf: unknown,
): ReadonlyMap<unknown, string | CacheLockingError> {
  if (typeof given !== "object" || given === null || !(Symbol.iterator in given)) {
    throw invalid("keys", "an array or another collection of keys", given);
  }
  if (keyOf !== undefined && typeof keyOf !== "function") {
    throw invalid("key", "a function of a key that returns a string", keyOf);
  }
  const named = new Map<unknown, string | CacheLockingError>();
  const known = new Set<string>();
  for (const key of given as Iterable<unknown>) {
    const name = keyOf === undefined ? key : keyOf(key);
    if (!isKey(name)) {
      named.set(key, invalidKey(name, keyOf ? "" : ", or named by the option `key`"));
    } else if (!known.has(name)) {
      named.set(key, name);
      known.add(name);
    }
  }
  return named;
}

/** What a fetcher returned that it must not return. */
class Refused {
  readonly must: string;
  readonly is: string;

  constructor(must: string, returned: unknown) {
    this.must = must;
    this.is = kindOf(returned);
  }
}

function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  const { has, get } = (value ?? {}) as Partial<ReadonlyMap<unknown, unknown>>;
  return typeof has === "function" && typeof get === "function";
}

function leftOut(key: string): CacheLockingError {
  const message = `Cannot get ${quoted(key)}: the fetcher returned no value for it`;
  return cacheLockingError("FETCHER_FAILED", message, { key, phase: "fetch" });
}

/** What is stored for keys that are left out; for `cacheTtl` if `ttl` is undefined. */
function absentOf(
  given: unknown,
): { readonly value: unknown; readonly ttl: number | undefined } | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || given === null || !("value" in given)) {
    throw invalid("absent", "an object with a `value`", given);
  }
  const { value, ttl } = given as { readonly value: unknown; readonly ttl?: unknown };
  return { value, ttl: ttl === undefined ? undefined : ttlOption("absent.ttl", ttl) ?? Infinity };
}

/** The settings of a key whose value may be the one of keys that are left out, or was when it is found again, which is stored whatever `shouldCache` says. */
function absentSettings(
  settings: Settings,
  ttl: number | undefined,
  isLeft: (value: unknown) => boolean,
): Settings {
  const { cacheTtl, shouldCache } = settings;
  const wholeTtl = (value: unknown) =>
    typeof cacheTtl === "function" ? cacheTtl(value) : cacheTtl ?? Infinity;
  return {
    ...settings,
    cacheTtl: ttl === undefined ? cacheTtl : (value) => isLeft(value) ? ttl : wholeTtl(value),
    shouldCache: shouldCache && ((value) => isLeft(value) || shouldCache(value)),
  };
}
