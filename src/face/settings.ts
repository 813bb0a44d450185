import type { Settings } from "../engine/call.ts";
import { type ClientState, newClientState } from "../engine/client_state.ts";
import { defaults, l1Defaults, LONGEST_LEASE } from "../model/defaults.ts";
import { describe, quoted } from "../model/describe.ts";
import { millisOf } from "../model/duration.ts";
import { type CacheLockingError, cacheLockingError, isCacheLockingError } from "../model/errors.ts";
import { entriesOfHalf, type Halves, type LeasesHalf, storeOfHalves } from "../store/halves.ts";
import { type Hooks, noHooks } from "../model/hooks.ts";
import type { AdapterOptions, CallOptions, HooksOptions } from "./options.ts";
import type { ClientOptions, FailuresOptions, L1Options } from "./common_options.ts";
import { inWorkers } from "../effect/runtime.ts";
import type { Codec } from "../store/codec.ts";
import type { Metrics, Observer } from "../model/metrics.ts";
import { nearestOption, unknownOption } from "../model/option_names.ts";
import { type Counters, newCounters } from "../model/stats.ts";
import { sharedStore } from "../store/shared_store.ts";
import type { L1Settings, Store } from "../store/store.ts";
import { withCodec, withL1, withLeases } from "../store/variants.ts";
import { defaultWaitStrategy } from "../model/wait_strategy.ts";

/**
 * Opens the adapter of a config: the same store for the same config object. Undefined for what is no config; throws a
 * `TypeError` for one whose options can't be used.
 */
export type OpenAdapter = (config: unknown) => Store<unknown> | undefined;

type Options =
  & Partial<AdapterOptions<unknown>>
  & ClientOptions
  & CallOptions<unknown>
  & HooksOptions<unknown>;

/** What a client has beside its options. */
export interface ClientParts {
  readonly state: ClientState | undefined;
  readonly counters: Counters;
  /** Made with the client's first settings, if they have metrics. */
  observer?: Observer | undefined;
}

/** Those of calls that have no client. */
const withoutClient: ClientParts = { state: undefined, counters: newCounters() };

/** Those of a new client. */
export function newClientParts(): ClientParts & { readonly state: ClientState } {
  return { state: newClientState(), counters: newCounters() };
}

/**
 * Checks the values of options and adds the defaults. For a bad one, throws an error with its name, its value and valid values.
 */
export function settingsOf(
  given: object,
  open: OpenAdapter,
  { log, parts = withoutClient }: {
    readonly log: Settings["log"];
    readonly parts?: ClientParts;
  },
): Settings {
  const options: Options = given;
  const {
    takeovers = defaults.takeovers,
    ttlJitter = 0,
    abandonedFetch = "interrupt",
    onCacheFailure = defaults.onCacheFailure,
    coalesce = !inWorkers,
    copy = false,
    cacheTtl,
  } = options;
  if (typeof ttlJitter !== "number" || !(ttlJitter >= 0 && ttlJitter <= 1)) {
    throw invalid("ttlJitter", "a number from 0 to 1", ttlJitter);
  }
  if (abandonedFetch !== "interrupt" && abandonedFetch !== "finish") {
    throw invalid("abandonedFetch", "'interrupt' or 'finish'", abandonedFetch);
  }
  if (onCacheFailure !== "fail" && onCacheFailure !== "bypass") {
    throw invalid("onCacheFailure", "'fail' or 'bypass'", onCacheFailure);
  }
  const store = storeOf(options, open);
  const staleWhileRevalidate = millis("staleWhileRevalidate", options.staleWhileRevalidate, 0);
  const staleIfError = millis("staleIfError", options.staleIfError, 0);
  const staleFor = Math.max(staleWhileRevalidate, staleIfError) || undefined;
  const name = nameOf(options.name);
  const metrics = metricsOf(options.metrics);
  parts.observer ??= metrics?.observe({ name, backend: store.name });
  return {
    name,
    store,
    failures: failuresOf(options.failures),
    staleWhileRevalidate,
    staleIfError,
    staleFor,
    softTimeout: millis("softTimeout", options.softTimeout, Infinity),
    freshBelow: 0,
    refreshAhead: refreshAheadOf(options.refreshAhead),
    errorBackoff: millis("errorBackoff", options.errorBackoff, defaults.errorBackoff),
    reads: store.peek === undefined || store.tier === "l1" || staleFor !== undefined,
    cacheTtl: typeof cacheTtl === "function" ? cacheTtl : ttl("cacheTtl", cacheTtl),
    ttlJitter,
    leaseTtl: leaseTtlOf(options.leaseTtl),
    waitMax: millis("waitMax", options.waitMax, defaults.waitMax),
    fetchTimeout: positiveMillis("fetchTimeout", options.fetchTimeout, Infinity),
    finish: abandonedFetch === "finish",
    waitStep: millis("waitStep", options.waitStep, defaults.waitStep),
    waitStrategy: optionalOf("function", "waitStrategy", options.waitStrategy) ??
      defaultWaitStrategy,
    shouldCache: optionalOf("function", "shouldCache", options.shouldCache),
    maxFailures: wholeOf("takeovers", takeovers, 0) + 1,
    ownerId: ownerIdOf(options.ownerId),
    signal: signalOf(options.signal),
    copy: booleanOf("copy", copy),
    coalesce: booleanOf("coalesce", coalesce),
    bypass: onCacheFailure === "bypass",
    operationTimeout: positiveMillis(
      "operationTimeout",
      options.operationTimeout,
      defaults.operationTimeout,
    ),
    waitUntil: optionalOf("function", "waitUntil", options.waitUntil),
    client: parts.state,
    counters: parts.counters,
    observer: parts.observer,
    hooks: hooksOf(options.hooks),
    log,
  };
}

/** Reads options. Returns an error if they are bad, also if their own getters throw. */
export function reading<A>(read: () => A): A | CacheLockingError {
  try {
    return read();
  } catch (error) {
    return isCacheLockingError(error) ? error : refused("the options", "reading them threw", error);
  }
}

/** The error of an option with a bad value. */
export function invalid(option: string, must: string, value: unknown): CacheLockingError {
  return refused(`the option \`${option}\``, `it must be ${must}, and is ${describe(value)}`);
}

function refused(what: string, problem: unknown, cause?: unknown): CacheLockingError {
  const message = `Cannot use ${what}: ${problem}`;
  return cacheLockingError("VALIDATION_ERROR", message, { phase: "options" }, cause);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function millis<D>(option: string, value: unknown, byDefault: D): number | D {
  if (value === undefined) return byDefault;
  const result = millisOf(value);
  if (result !== undefined) return result;
  throw invalid(
    option,
    "a duration that isn't negative, such as 500 (milliseconds), '5 seconds' or { minutes: 5 }",
    value,
  );
}

/** A time to live: undefined without expiry. */
export function ttl(option: string, value: unknown): number | undefined {
  const result = millis(option, value, Infinity);
  return result === Infinity ? undefined : result;
}

function leaseTtlOf(value: unknown): number {
  const result = positiveMillis("leaseTtl", value, defaults.leaseTtl);
  if (result <= LONGEST_LEASE) return result;
  throw invalid("leaseTtl", "at most 30 days, as nobody else ends a dead leader's lease", value);
}

function refreshAheadOf(value: Options["refreshAhead"]): Settings["refreshAhead"] {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && value < 1) return value;
  if (isObject(value) && Object.keys(value).join() === "beta") {
    const { beta } = value;
    if (typeof beta === "number" && beta > 0 && beta < Infinity) return { beta };
  }
  throw invalid("refreshAhead", "a number between 0 and 1, or `{ beta }` with one above 0", value);
}

function positiveMillis<D>(option: string, value: unknown, byDefault: D): number | D {
  const result = millis(option, value, byDefault);
  if (result === 0) throw invalid(option, "longer than zero, such as '5 seconds'", value);
  return result;
}

function booleanOf(option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(option, "true or false", value);
}

/** A whole number that is at least `least`. */
export function wholeOf(option: string, value: unknown, least: number): number {
  if (Number.isSafeInteger(value) && value as number >= least) return value as number;
  throw invalid(option, `a whole number from ${least}`, value);
}

function codecOf(option: string, value: unknown): Codec {
  if (has(value, "encode") && has(value, "decode")) return value as unknown as Codec;
  throw invalid(option, "a codec with `encode` and `decode`", value);
}

/** Checks the type of an option that may be left out. */
function optionalOf<A>(type: "function" | "string", option: string, value: A): A {
  if (value !== undefined && typeof value !== type) throw invalid(option, `a ${type}`, value);
  return value;
}

/** Text that every backend can keep, and gives back as it was. */
const keepable = /^[^\0\p{Surrogate}]*$/u;

function ownerIdOf(value: string | undefined): string | undefined {
  if (value === undefined || keepable.test(optionalOf("string", "ownerId", value))) return value;
  throw invalid("ownerId", "text that UTF-8 can carry, without a NUL", value);
}

function metricsOf(value: Metrics | undefined): Metrics | undefined {
  if (value === undefined || has(value, "observe")) return value;
  throw invalid("metrics", "metrics with `observe`, of cache-locking/metrics", value);
}

function nameOf(value: string | undefined): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw invalid("name", "a non-empty string", value);
}

function failuresOf(value: FailuresOptions<unknown> | undefined): Settings["failures"] {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw invalid("failures", "an object with a `codec`", value);
  const { codec, ttl, when } = value;
  return {
    codec: codecOf("failures.codec", codec),
    ttl: positiveMillis("failures.ttl", ttl, defaults.errorBackoff),
    when: optionalOf("function", "failures.when", when),
  };
}

function l1Of(value: boolean | L1Options | undefined): L1Settings | undefined {
  if (value === undefined || value === false) return undefined;
  const own: L1Options = value === true ? {} : value;
  if (!isObject(own)) throw invalid("l1", "true, false, or an object of its options", own);
  const {
    ttl,
    maxEntries = l1Defaults.maxEntries,
    maxBytes = l1Defaults.maxBytes,
    copy = false,
    tracking = false,
  } = own;
  if (typeof maxBytes !== "number" || !(maxBytes > 0)) {
    throw invalid("l1.maxBytes", "a number above 0", maxBytes);
  }
  return {
    ttl: positiveMillis("l1.ttl", ttl, undefined),
    maxEntries: wholeOf("l1.maxEntries", maxEntries, 1),
    maxBytes,
    copy: booleanOf("l1.copy", copy),
    tracking: booleanOf("l1.tracking", tracking),
  };
}

function signalOf(value: AbortSignal | undefined): AbortSignal | undefined {
  if (
    value === undefined ||
    (has(value, "addEventListener") && has(value, "removeEventListener") && "aborted" in value)
  ) return value;
  throw invalid("signal", "an AbortSignal", value);
}

const hookNames = [
  "onHit",
  "onLeader",
  "onFollowerWait",
  "onFallback",
  "onBypass",
  "onStale",
  "onOutcome",
  "onError",
] as const;

/** The options of a client's calls. Of two that are as near to an unknown name, the first is meant. */
export const callOptionNames: readonly string[] = [
  "cacheTtl",
  "ttlJitter",
  "staleWhileRevalidate",
  "staleIfError",
  "softTimeout",
  "errorBackoff",
  "refreshAhead",
  "leaseTtl",
  "waitMax",
  "fetchTimeout",
  "abandonedFetch",
  "waitStep",
  "waitStrategy",
  "operationTimeout",
  "shouldCache",
  "codec",
  "copy",
  "takeovers",
  "onCacheFailure",
  "coalesce",
  ...hookNames.map((name) => `hooks.${name}` as const),
  "signal",
  "waitUntil",
  "ownerId",
] satisfies readonly (keyof CallOptions<unknown> | `hooks.${string}`)[];

/** The options of a client that its calls don't have. */
const ofClients: readonly string[] = ["adapter", "leases", "name", "metrics", "failures", "l1"];

/** Those of a client's `failures` and `l1`, which nobody means who leaves these out. */
const within: readonly string[] = [
  ...["codec", "ttl", "when"].map((name) => `failures.${name}`),
  ...["ttl", "maxEntries", "maxBytes", "copy", "tracking"].map((name) => `l1.${name}`),
];

/** The options of a client. */
export const clientOptionNames: readonly string[] = [...callOptionNames, ...ofClients, ...within];

/** The options of its calls for many keys. */
export const manyOptionNames: readonly string[] = [...callOptionNames, "key", "maxBatch", "absent"];

/** The options of `Cache.getOrSet`. */
export const aloneOptionNames: readonly string[] = [
  ...callOptionNames,
  ...["adapter", "leases", "key", "fetcher"],
];

/** Options that have these names alone. For others it throws: it names the nearest one. */
export function known(input: unknown, names: readonly string[]): object {
  if (!isObject(input)) {
    throw refused("the options", `they must be an object, and are ${describe(input)}`);
  }
  const unknown = unknownOption(input, names);
  if (unknown === undefined) return input;
  if (ofClients.includes(unknown)) throw refused(`the option \`${unknown}\``, "calls have none");
  const meant = unknown.includes(".") ? names : names.filter((path) => !within.includes(path));
  throw refused(
    `the option ${quoted(unknown)}`,
    `there is none; the nearest is \`${nearestOption(unknown, meant)}\``,
  );
}

function hooksOf(value: unknown): Hooks<unknown> {
  if (value === undefined) return noHooks;
  if (!isObject(value)) throw invalid("hooks", "an object of hooks", value);
  const hooks: Hooks<unknown> = value;
  for (const name of hookNames) optionalOf("function", `hooks.${name}`, hooks[name]);
  return hooks;
}

function storeOf({ adapter, leases, codec, l1 }: Options, open: OpenAdapter): Store<unknown> {
  const leasesHalf = leases === undefined ? undefined : leasesHalfOf("leases", leases);
  if (isHalves(adapter)) {
    const own = adapter.leases === undefined
      ? undefined
      : leasesHalfOf("adapter.leases", adapter.leases);
    const chosen = leasesHalf ?? own;
    if (chosen === undefined) {
      throw invalid("leases", "a leases half, as the adapter keeps no leases", leases);
    }
    const { cache } = adapter;
    const store = sharedStore(
      "halves",
      { cache, leases: chosen },
      () => storeOfHalves(entriesOfHalf(cache), chosen),
    );
    return withEntriesHere(coded(store, codec), l1);
  }
  const own = coded(isStore(adapter) ? adapter : opened(adapter, open), codec);
  const store = withEntriesHere(own, l1);
  if (leasesHalf === undefined) return store;
  return withLeases(store, leasesHalf, () => storeOfHalves(store, leasesHalf));
}

/** The store with the codec of the call. One in this process keeps references, and needs none. */
function coded(store: Store<unknown>, codec: Codec | undefined): Store<unknown> {
  if (codec === undefined) return store;
  const checked = codecOf("codec", codec);
  const made = store.peek === undefined ? withCodec(store, checked) : store;
  if (made !== undefined) return made;
  throw invalid("codec", "left out with an adapter that has no codecs", codec);
}

/** The store with the L1 of the client. One in this process needs none. */
function withEntriesHere(store: Store<unknown>, l1: Options["l1"]): Store<unknown> {
  const settings = l1Of(l1);
  if (settings === undefined) return store;
  const made = store.peek === undefined ? withL1(store, settings) : store;
  if (made !== undefined) return made;
  throw invalid("l1", "left out with halves or stores written by hand, which have no L1", l1);
}

/** Makes a store. What its adapter throws is the error of the option. */
export function opening<A>(open: () => A): A {
  try {
    return open();
  } catch (error) {
    const problem = error instanceof Error ? error.message : error;
    throw refused("the option `adapter`", problem, error);
  }
}

function opened(adapter: unknown, open: OpenAdapter): Store<unknown> {
  const store = opening(() => open(adapter));
  if (store !== undefined) return store;
  throw invalid(
    "adapter",
    "'memory', a config `{ type, options }` of a known type, an adapter, or halves `{ cache, leases }`",
    isObject(adapter) && "type" in adapter && typeof adapter.type === "string"
      ? adapter.type
      : adapter,
  );
}

function isStore(value: unknown): value is Store<unknown> {
  return has(value, "acquire") && has(value, "fill");
}

function isHalves(value: unknown): value is Halves<unknown> {
  if (!isObject(value) || !("cache" in value)) return false;
  const { cache } = value;
  if (has(cache, "get") && has(cache, "set")) return true;
  throw invalid("adapter.cache", "a cache half with `get` and `set`", cache);
}

function leasesHalfOf(option: string, value: LeasesHalf): LeasesHalf {
  if (has(value, "acquire") && has(value, "release")) return value;
  throw invalid(option, "a leases half with `acquire` and `release`", value);
}

function has(value: unknown, method: string): boolean {
  return isObject(value) && typeof (value as Record<string, unknown>)[method] === "function";
}
