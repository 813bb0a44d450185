import type { Row, Target, Wanted } from "./backend.ts";
import { decide, isHit } from "./decide.ts";
import { Contention, retry, type RetryOptions } from "./retry.ts";

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
  const isTaken = (row: Row) => isHit(row, wanted) || decide(row, wanted) !== undefined;
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
