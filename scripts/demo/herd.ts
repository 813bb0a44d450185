import { percentile } from "../../tests/support/percentile.ts";
import type { CacheOutcome } from "../../mod.ts";

/** One fetch of the source. Times are milliseconds since the herd began. */
export interface Fetch {
  readonly start: number;
  readonly end: number;
  readonly ended: "fetched" | "failed" | "cancelled";
}

/**
 * How a caller fared: as `meta.cache` has it, or without a value, or not at all yet. `MISS` is a caller that nothing protects,
 * `KILLED` one whose process was.
 */
export type Outcome = CacheOutcome | "MISS" | "FAILED" | "CANCELLED" | "KILLED" | "UNDER WAY";

/** The outcomes of callers that got no value. */
const withoutValue: ReadonlySet<Outcome> = new Set(["FAILED", "CANCELLED", "KILLED", "UNDER WAY"]);

/** What became of one caller. */
export interface HerdEvent {
  readonly caller: number;
  readonly process: number;
  readonly start: number;
  readonly end: number;
  readonly outcome: Outcome;
  /** The fetches that this caller's fetcher ran; one may outlive a caller that was cancelled. */
  readonly fetches: readonly Fetch[];
}

/** All callers of one key, in the order in which they came. */
export type Herd = readonly HerdEvent[];

/** The same herd twice. */
export interface Herds {
  readonly unprotected: Herd;
  readonly protected: Herd;
}

/** What a herd cost. */
export interface Summary {
  readonly fetches: number;
  /** The most fetches that ran at one time. */
  readonly peak: number;
  readonly sourceSeconds: number;
  /** How many callers got a value. */
  readonly answered: number;
  /** How long callers took that got a value, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly outcomes: ReadonlyMap<Outcome, number>;
}

/** Adds up what a herd cost. */
export function summarize(herd: Herd): Summary {
  const fetches = herd.flatMap((event) => event.fetches);
  const took = herd
    .filter(({ outcome }) => !withoutValue.has(outcome))
    .map(({ start, end }) => end - start)
    .sort((a, b) => a - b);
  const outcomes = new Map<Outcome, number>();
  for (const { outcome } of herd) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  return {
    fetches: fetches.length,
    peak: Math.max(0, ...running(herd).map(({ count }) => count)),
    sourceSeconds: fetches.reduce((sum, { start, end }) => sum + end - start, 0) / 1000,
    answered: took.length,
    p50: percentile(took, 0.5),
    p99: percentile(took, 0.99),
    outcomes,
  };
}

/** How many fetches run from each time on at which that changes. */
export function running(herd: Herd): { readonly time: number; readonly count: number }[] {
  const changes = herd
    .flatMap(({ fetches }) => fetches)
    .flatMap(({ start, end }) => [{ time: start, by: 1 }, { time: end, by: -1 }])
    .sort((a, b) => a.time - b.time || a.by - b.by);
  let count = 0;
  return changes.map(({ time, by }) => ({ time, count: count += by }));
}

/** When the last caller and the last fetch of the herds were done. */
export function lastOf(herds: Herds): number {
  const events = [...herds.unprotected, ...herds.protected];
  return Math.max(...events.flatMap(({ end, fetches }) => [end, ...fetches.map((f) => f.end)]));
}
