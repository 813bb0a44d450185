import type { Settings } from "./call.ts";
import { kindOf, quoted } from "../model/describe.ts";
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

function wholeTtlOf(
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

function cannotStore(key: string, problem: string, cause?: unknown): CacheLockingError {
  return cacheLockingError(
    "VALIDATION_ERROR",
    `Cannot store the value of ${quoted(key)}: ${problem}`,
    { key, phase: "options" },
    cause,
  );
}
