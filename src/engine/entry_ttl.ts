import type { Settings } from "./call.ts";
import { kindOf, quoted } from "../model/describe.ts";
import type { Lifetime } from "../store/store.ts";
import { millisOf } from "../model/duration.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";

/** For how long a fetched value is stored, in milliseconds: undefined without expiry, zero not at all. */
export function entryTtl(
  settings: Settings,
  key: string,
  value: unknown,
): number | undefined | CacheLockingError {
  const { shouldCache } = settings;
  try {
    return shouldCache === undefined || shouldCache(value) ? ttlOf(settings, key, value) : 0;
  } catch (error) {
    return cannotStore(key, "`shouldCache` threw", error);
  }
}

/** What `cacheTtl` says of a value, shortened by chance, in milliseconds: undefined without expiry. */
export function ttlOf(
  settings: Settings,
  key: string,
  value: unknown,
): number | undefined | CacheLockingError {
  const { ttlJitter } = settings;
  const ttl = wholeTtlOf(settings, key, value);
  return typeof ttl === "number" && ttlJitter > 0 ? ttl * (1 - ttlJitter * Math.random()) : ttl;
}

/** The same before chance shortens it. */
export function wholeTtlOf(
  { cacheTtl }: Settings,
  key: string,
  value: unknown,
): number | undefined | CacheLockingError {
  if (typeof cacheTtl !== "function") return cacheTtl;
  try {
    const answer = cacheTtl(value);
    const millis = millisOf(answer);
    if (millis === undefined) {
      return cannotStore(
        key,
        `\`cacheTtl\` must return a duration, and returned ${kindOf(answer)}`,
      );
    }
    return millis === Infinity ? undefined : millis;
  } catch (error) {
    return cannotStore(key, "`cacheTtl` threw", error);
  }
}

/** The shortest that a fetch counts as, in milliseconds. */
const SHORTEST_FETCH = 1;

/** How long a value lives: how long its fetch took is kept where entries are refreshed ahead. A value that was set took no time. */
export function lifetimeOf(
  { staleFor, refreshAhead }: Settings,
  freshFor: number | undefined,
  took: () => number = () => 0,
): Lifetime {
  return refreshAhead === undefined
    ? { freshFor, staleFor } // mutate: stale time
    : { freshFor, staleFor, took: Math.max(SHORTEST_FETCH, took()) };
}

function cannotStore(key: string, problem: string, cause?: unknown): CacheLockingError {
  return cacheLockingError(
    "VALIDATION_ERROR",
    `Cannot store the value of ${quoted(key)}: ${problem}`,
    { key, phase: "options" },
    cause,
  );
}
