import type { Settings } from "../engine/call.ts";
import { type ClientState, newClientState } from "../engine/client_state.ts";
import { defaults, LONGEST_LEASE } from "../model/defaults.ts";
import { describe, quoted } from "../model/describe.ts";
import { millisOf } from "../model/duration.ts";
import { type CacheLockingError, cacheLockingError, isCacheLockingError } from "../model/errors.ts";
import {
  type Entries,
  entriesOfHalf,
  type Halves,
  type LeasesHalf,
  storeOfHalves,
} from "../store/halves.ts";
import { type Hooks, noHooks } from "../model/hooks.ts";
import type { AdapterOptions, CallOptions, HooksOptions } from "./options.ts";
import type { ClientOptions, FailuresOptions } from "./common_options.ts";
import { inWorkers } from "../effect/runtime.ts";
import type { Codec } from "../store/codec.ts";
import type { Metrics, Observer } from "../model/metrics.ts";
import { type Counters, newCounters } from "../model/stats.ts";
import { sharedStore } from "../store/shared_store.ts";
import type { Store } from "../store/store.ts";
import { withCodec } from "../store/with_codec.ts";
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
 * Checks options and adds the defaults. For a bad option, throws an error with its name, its value and valid values; and
 * for one whose name isn't known.
 */
export function settingsOf(
  input: unknown,
  open: OpenAdapter,
  { log, names = optionNames, parts = withoutClient }: {
    readonly log: Settings["log"];
    readonly names?: ReadonlySet<string> | undefined;
    readonly parts?: ClientParts;
  },
): Settings {
  if (!isObject(input)) {
    throw refused("the options", `they must be an object, and are ${describe(input)}`);
  }
  allKnown(input, names);
  const options: Options = input;
  const {
    takeovers = defaults.takeovers,
    ttlJitter = 0,
    abandonedFetch = "interrupt",
    onCacheFailure = defaults.onCacheFailure,
    coalesce = !inWorkers,
    copy = false,
    cacheTtl,
  } = options;
  if (!Number.isSafeInteger(takeovers) || takeovers < 0) {
    throw invalid("takeovers", "a whole number from 0", takeovers);
  }
  if (typeof ttlJitter !== "number" || !(ttlJitter >= 0 && ttlJitter <= 1)) {
    throw invalid("ttlJitter", "a number from 0 to 1", ttlJitter);
  }
  if (abandonedFetch !== "interrupt" && abandonedFetch !== "finish") {
    throw invalid("abandonedFetch", "'interrupt' or 'finish'", abandonedFetch);
  }
  if (onCacheFailure !== "fail" && onCacheFailure !== "bypass") {
    throw invalid("onCacheFailure", "'fail' or 'bypass'", onCacheFailure);
  }
  if (typeof coalesce !== "boolean") throw invalid("coalesce", "true or false", coalesce);
  if (typeof copy !== "boolean") throw invalid("copy", "true or false", copy);
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
    reads: store.peek === undefined || staleFor !== undefined,
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
    maxFailures: takeovers + 1,
    ownerId: ownerIdOf(options.ownerId),
    signal: signalOf(options.signal),
    copy,
    coalesce,
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

function millis(option: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const result = millisOf(value);
  if (result !== undefined) return result;
  throw invalid(
    option,
    "a duration that isn't negative, such as 500 (milliseconds) or '5 seconds'",
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

function positiveMillis(option: string, value: unknown, byDefault: number): number {
  const result = millis(option, value, byDefault);
  if (result === 0) throw invalid(option, "longer than zero, such as '5 seconds'", value);
  return result;
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

const failureNames = new Set(["codec", "ttl", "when"]);

function failuresOf(value: FailuresOptions<unknown> | undefined): Settings["failures"] {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw invalid("failures", "an object with a `codec`", value);
  allKnown(value, failureNames, "failures.");
  const { codec, ttl, when } = value;
  if (!has(codec, "encode") || !has(codec, "decode")) {
    throw invalid("failures.codec", "a codec with `encode` and `decode`", codec);
  }
  return {
    codec: codec as Codec,
    ttl: positiveMillis("failures.ttl", ttl, defaults.errorBackoff),
    when: optionalOf("function", "failures.when", when),
  };
}

function signalOf(value: AbortSignal | undefined): AbortSignal | undefined {
  if (
    value === undefined ||
    (has(value, "addEventListener") && has(value, "removeEventListener") && "aborted" in value)
  ) return value;
  throw invalid("signal", "an AbortSignal", value);
}

const hookNames = new Set(
  [
    "onHit",
    "onLeader",
    "onFollowerWait",
    "onFallback",
    "onBypass",
    "onStale",
    "onOutcome",
    "onError",
  ] as const,
);
const hookPaths = [...hookNames].map((name) => `hooks.${name}`);

/** The options of calls. Of two that are as near to an unknown name, the first is meant. */
const commonNames: readonly (keyof Options)[] = [
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
  "hooks",
  "signal",
  "waitUntil",
  "ownerId",
  "adapter",
  "leases",
];

/** The options of a client and of its calls. */
const optionNames: ReadonlySet<string> = new Set<keyof Options>([
  ...commonNames,
  "name",
  "metrics",
  "failures",
]);

/** The options of calls for many keys. */
export const manyOptionNames: ReadonlySet<string> = new Set([
  ...optionNames,
  "key",
  "maxBatch",
  "absent",
]);

/** The options of `Cache.getOrSet`. */
export const callOptionNames: ReadonlySet<string> = new Set([...commonNames, "key", "fetcher"]);

/** Throws for an option that nobody knows, and names the nearest one. */
function allKnown(options: object, names: ReadonlySet<string>, prefix = ""): void {
  for (const name of Object.keys(options)) {
    if (names.has(name)) continue;
    const known = prefix === ""
      ? [...names, ...hookPaths]
      : [...names].map((known) => prefix + known);
    const like = (each: string) => likeness(each, prefix + name);
    const nearest = known.reduce((a, b) => like(b) > like(a) ? b : a);
    throw refused(
      `the option ${quoted(prefix + name)}`,
      `there is none; the nearest is \`${nearest}\``,
    );
  }
}

/** How alike two names are, from 0 to 1: by the longest text that both have in this order. */
function likeness(one: string, other: string): number {
  const [a, b] = [one, other].map((name) => name.slice(0, 50).toLowerCase()) as [string, string];
  const lengths = new Array<number>(b.length + 1).fill(0);
  for (const letter of a) {
    let before = 0;
    for (let index = 1; index <= b.length; index++) {
      const above = lengths[index]!;
      lengths[index] = letter === b[index - 1] ? before + 1 : Math.max(above, lengths[index - 1]!);
      before = above;
    }
  }
  return 2 * lengths[b.length]! / (a.length + b.length);
}

function hooksOf(value: unknown): Hooks<unknown> {
  if (value === undefined) return noHooks;
  if (!isObject(value)) throw invalid("hooks", "an object of hooks", value);
  const hooks: Hooks<unknown> = value;
  allKnown(hooks, hookNames, "hooks.");
  for (const name of hookNames) optionalOf("function", `hooks.${name}`, hooks[name]);
  return hooks;
}

function storeOf({ adapter, leases, codec }: Options, open: OpenAdapter): Store<unknown> {
  const leasesHalf = leases === undefined ? undefined : leasesHalfOf("leases", leases);
  if (isHalves(adapter)) {
    const own = adapter.leases === undefined
      ? undefined
      : leasesHalfOf("adapter.leases", adapter.leases);
    const chosen = leasesHalf ?? own;
    if (chosen === undefined) {
      throw invalid("leases", "a leases half, as the adapter keeps no leases", leases);
    }
    const store = mix(adapter.cache, chosen, () => entriesOfHalf(adapter.cache));
    return coded(store, codec);
  }
  const store = coded(isStore(adapter) ? adapter : opened(adapter, open), codec);
  return leasesHalf === undefined ? store : mix(store, leasesHalf, () => store);
}

/** The store with the codec of the call. One in this process keeps references, and needs none. */
function coded(store: Store<unknown>, codec: Codec | undefined): Store<unknown> {
  if (codec === undefined) return store;
  if (!has(codec, "encode") || !has(codec, "decode")) {
    throw invalid("codec", "a codec with `encode` and `decode`", codec);
  }
  const made = store.peek === undefined ? withCodec(store, codec) : store;
  if (made !== undefined) return made;
  throw invalid("codec", "left out with an adapter that has no codecs", codec);
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
    isObject(adapter) && "type" in adapter ? adapter.type : adapter,
  );
}

/** One store for the same two halves, so that their callers meet. */
function mix(
  cache: object,
  leases: LeasesHalf,
  entries: () => Entries<unknown>,
): Store<unknown> {
  return sharedStore("halves", { cache, leases }, () => storeOfHalves(entries(), leases));
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
