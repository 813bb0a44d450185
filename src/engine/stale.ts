import type { Keyed, Settings } from "./call.ts";
import { monotonicMillis } from "../effect/clock.ts";
import type * as Clock from "effect/Clock";
import type { Failure, Store } from "../store/store.ts";

/** A stale value, as it was read. */
export interface Stale {
  readonly _tag: "Stale";
  readonly value: unknown;
  /** For how long it had been stale when it was read, in milliseconds. */
  readonly staleFor: number;
  /** When it was read, by the monotonic clock. */
  readonly at: number;
}

/** Who may have a stale value, and what it has read. */
interface Reader {
  readonly call: Keyed;
  readonly clock: Clock.Clock;
  readonly stale?: Stale | null | undefined;
}

/** For how long a value is stale by now, in milliseconds. */
export function staleness({ staleFor, at }: Stale, clock: Clock.Clock): number {
  return staleFor + monotonicMillis(clock) - at; // mutate: staleness
}

/** What a caller may have in place of a failure: what it has read itself, if that isn't stale for too long. */
export function staleOf({ stale, call, clock }: Reader): Stale | undefined {
  return stale && staleness(stale, clock) < call.settings.staleIfError ? stale : undefined; // mutate: stale if error
}

/** The longest that nobody fetches after a failure, in milliseconds, unless the option says more. */
const LONGEST_BACKOFF = 30_000;

/**
 * What a failed fetch tells the fleet, where values may be stale or the failure is shared: to be quiet, twice as long after
 * each failure in a row.
 */
export function failureAfter(
  { staleFor, refreshAhead, errorBackoff, failures }: Settings,
  before = 0,
  payload?: string,
): Failure | undefined {
  const isHeeded = staleFor !== undefined || refreshAhead !== undefined;
  const shortest = payload === undefined ? isHeeded ? errorBackoff : 0 : failures!.ttl; // mutate: share for a time
  if (shortest === 0) return undefined;
  const most = Math.max(LONGEST_BACKOFF, shortest);
  const wait = Math.min(shortest * 2 ** before, most); // mutate: doubling
  return { failures: before + 1, quietFor: wait * (0.8 + 0.4 * Math.random()), payload }; // mutate: failures in a row
}

/** That somebody refreshes a key, or that its fetch has failed: this process has no need to ask again. */
export interface Quiet {
  /** By when the entry had ended that it is about, and until when it holds, by the monotonic clock. */
  readonly from: number;
  readonly until: number;
  readonly failed: boolean;
  /** The owner of its lease, or what stands for it in links. */
  trace: string | undefined;
}

const quiets = new WeakMap<Store<unknown>, Map<string, Quiet>>();

/** Two readings of how long a value is stale may differ by so much where a backend counts whole seconds: in milliseconds. */
const PRECISION = 1_000;

/** Doesn't ask for the lease of a key to refresh it, for so many milliseconds, unless that is forgotten before. */
export function keepQuiet(
  { call: { key, settings: { store, freshBelow } }, clock }: Reader,
  quietFor: number,
  failed: boolean,
  trace?: string,
): Quiet {
  const known = quiets.get(store) ?? new Map<string, Quiet>();
  quiets.set(store, known);
  const now = monotonicMillis(clock);
  known.delete(key);
  for (const [each, { until }] of known) {
    if (until > now) break;
    known.delete(each);
  }
  const from = freshBelow < Infinity ? now + freshBelow : now;
  const quiet = { from, until: now + quietFor, failed, trace };
  known.set(key, quiet);
  return quiet;
}

/** Asks again: this process has changed the key, or what is known is over, and nothing else was learned since. */
export function forgetQuiet(store: Store<unknown>, key: string, quiet?: Quiet): void {
  const known = quiets.get(store);
  if (quiet === undefined || known?.get(key) === quiet) known?.delete(key);
}

/**
 * Why nobody here has to ask for the lease of a key whose entry has been stale for so many milliseconds, or is fresh, which is
 * a number below zero: it is refreshed, or its fetch has failed.
 */
export function quietOf(
  { call: { key, settings: { store } }, clock }: Reader,
  staleFor: number,
): Quiet | undefined {
  const quiet = quiets.get(store)?.get(key);
  const now = monotonicMillis(clock);
  // What ends later is another entry.
  if (quiet === undefined || quiet.until <= now) return undefined; // mutate: quiet
  return now - staleFor > quiet.from + PRECISION ? undefined : quiet;
}
