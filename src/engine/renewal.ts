import type { Settings } from "./call.ts";
import type * as Clock from "effect/Clock";
import { monotonicMillis } from "../effect/clock.ts";
import { type Acquired, type Entry, isFresh, type Leader } from "../store/store.ts";

/** The settings of a call that has the key fetched though its entry is fresh, and gets nothing but what that brings. */
export function toRefresh(settings: Settings): Settings {
  return {
    ...settings,
    freshBelow: Infinity,
    reads: false,
    staleWhileRevalidate: 0,
    staleIfError: 0,
  };
}

/** By how much two readings of how fresh an entry is may differ, in milliseconds. */
const PRECISION = 10;

/**
 * What tells a refresh that has waited for another process whether that has stored a new entry: by the answer to an acquire,
 * which was asked for at a time of the monotonic clock. Where nothing tells two entries apart, as neither says for how long
 * it is fresh, what is there counts as new unless the other's fetch has failed.
 */
export function renewal(
  clock: Clock.Clock,
): (
  acquired: Acquired<unknown>,
  waitedFor: string | undefined,
  asked: number,
) => Entry<unknown> | undefined {
  /** For how long the entry was fresh that there was at first, if there was one, and when that was heard. */
  let before: { readonly freshFor: number; readonly at: number } | undefined;
  return (acquired, waitedFor, asked) => {
    const { entry, after } = acquired as Partial<Leader>;
    before ??= { freshFor: entry ? entry.freshFor ?? 0 : -Infinity, at: monotonicMillis(clock) };
    const mayBeNew = acquired._tag === "Leader" && waitedFor !== undefined && after !== "failed"; // mutate: renewed by another
    if (!mayBeNew || entry === undefined) return undefined;
    const rest = Math.max(0, before.freshFor - (asked - before.at) + PRECISION);
    return isFresh(entry, rest) ? entry : undefined; // mutate: old entry
  };
}
