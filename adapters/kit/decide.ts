import {
  type Ended,
  type Entry,
  type Failed,
  type Follower,
  isFresh,
  type Leader,
} from "../../src/store/store.ts";
import { LONGEST_LEASE } from "../../src/model/defaults.ts";
import type { Row, Wanted } from "./backend.ts";
import { readEndWord } from "./end_word.ts";

/** More than this have never failed in a row. */
const MOST_FAILURES = 2 ** 30;

/** Whether the row's entry is fresh for longer than `freshBelow`. */
export function isHit(row: Row, { freshBelow }: Pick<Wanted, "freshBelow">): boolean {
  return row.data !== undefined && isFresh(row, freshBelow);
}

/**
 * What a row whose entry is no hit means for the owner that asks for the lease; undefined where the lease is free. `entry`
 * is the row's, if it can be read.
 *
 * | lease | the awaited lease ended | answer |
 * | --- | --- | --- |
 * | the owner's own | | `Leader` |
 * | | uncached | `Ended` |
 * | another's | | `Follower` |
 * | none, and nobody is to fetch | | `Failed`, for who backs off |
 * | none | | free |
 *
 * `Leader` and `Follower` tell if it ended failed. A time in which nobody is to fetch that is longer than any lease is none.
 */
export function decide(
  row: Row,
  { owner, waitedFor, backOff }: Pick<Wanted, "owner" | "waitedFor" | "backOff">,
  entry?: Entry<unknown>,
): Leader | Follower | Ended | Failed | undefined {
  // An end of nobody is the end of no lease that was waited for.
  const isAwaited = waitedFor !== undefined && row.lastOwner === waitedFor;
  const end = readEndWord(row.outcome);
  const outcome = isAwaited ? end.outcome : undefined;
  const after = outcome === "failed" ? outcome : undefined;
  const remaining = Math.max(0, row.remaining ?? 0);
  const { failures: told } = row;
  const failures = typeof told === "number" && told > 0 && told < MOST_FAILURES ? told : 0;
  if (row.owner === owner) return { _tag: "Leader", remaining, after, entry, failures };
  if (outcome === "uncached") return { _tag: "Ended", outcome };
  if (typeof row.owner === "string") {
    const { watched } = row;
    return { _tag: "Follower", remaining, lease: row.owner, after, entry, watched };
  }
  const quietFor = row.quietFor ?? 0;
  return backOff && quietFor > 0 && quietFor <= LONGEST_LEASE
    ? { _tag: "Failed", remaining: quietFor, failures, payload: end.payload, entry }
    : undefined;
}
