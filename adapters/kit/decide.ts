import type { Ended, Follower, Leader } from "../../src/store/store.ts";
import type { Row, Target, Wanted } from "./backend.ts";
import { Contention, retry, type RetryOptions } from "./retry.ts";

/**
 * What a row without an entry means for the owner that asks for the lease; undefined where the lease is free.
 *
 * | lease | the awaited lease ended | answer |
 * | --- | --- | --- |
 * | the owner's own | | `Leader` |
 * | | uncached | `Ended` |
 * | another's | | `Follower` |
 * | none | | free |
 *
 * `Leader` and `Follower` tell if it ended failed.
 */
export function decide(
  row: Row,
  { owner, waitedFor }: Pick<Wanted, "owner" | "waitedFor">,
): Leader | Follower | Ended | undefined {
  const outcome = row.lastOwner === waitedFor ? row.outcome : undefined;
  const after = outcome === "failed" ? outcome : undefined;
  const remaining = Math.max(0, row.remaining ?? 0);
  if (row.owner === owner) return { _tag: "Leader", remaining, after };
  if (outcome === "uncached") return { _tag: "Ended", outcome };
  if (typeof row.owner !== "string") return undefined;
  return { _tag: "Follower", remaining, lease: row.owner, after };
}

/** The two steps of a backend that can't take a lease in one. */
export interface TakeSteps<Found extends Row> {
  /** Reads the row, or takes the lease where it is free without a look. */
  look(): Promise<Found>;
  /** Writes the lease over the very row that was found; the row that is there then, or undefined where another one is. */
  put(found: Found): Promise<Found | undefined>;
}

/** Takes a lease in two steps, as `Backend.take` says: looks, and writes the lease over what it has found if that is free. */
export function takeInSteps<Found extends Row>(
  target: Target,
  wanted: Wanted<Found>,
  { look, put }: TakeSteps<Found>,
  options?: RetryOptions,
): Promise<Found> {
  const isTaken = (row: Row) => row.data !== undefined || decide(row, wanted) !== undefined;
  let { ignored } = wanted;
  return retry(target, async () => {
    const found = ignored ?? await look();
    if (found !== ignored && isTaken(found)) return found;
    ignored = undefined;
    const row = await put(found);
    if (row === undefined || !isTaken(row)) throw new Contention();
    return row;
  }, options);
}
