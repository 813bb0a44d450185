import type { Keyed } from "./call.ts";
import { wholeTtlOf } from "./entry_ttl.ts";
import type { Entry } from "../store/store.ts";

/**
 * Whether a call that has found a fresh entry is to refresh it: after a part of its time, or by a chance that grows towards
 * its end, so that one of many readers comes first (XFetch: Vattani, Chierichetti, Lowenstein, VLDB 2015).
 */
export function isElected(
  { key, settings, settings: { refreshAhead } }: Keyed,
  { value, freshFor = Infinity, took = 0 }: Entry<unknown>,
): boolean {
  if (refreshAhead === undefined) return false;
  if (typeof refreshAhead === "object") {
    return freshFor <= took * refreshAhead.beta * -Math.log(1 - Math.random());
  }
  const ttl = wholeTtlOf(settings, key, value);
  return typeof ttl === "number" && freshFor <= (1 - refreshAhead) * ttl; // mutate: elected
}
