import type { Ended, Follower, Leader } from "../../src/store/store.ts";
import type { Row, Wanted } from "./backend.ts";

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
  // An end of nobody is the end of no lease that was waited for.
  const isAwaited = waitedFor !== undefined && row.lastOwner === waitedFor;
  const outcome = isAwaited ? row.outcome : undefined;
  const after = outcome === "failed" ? outcome : undefined;
  const remaining = Math.max(0, row.remaining ?? 0);
  if (row.owner === owner) return { _tag: "Leader", remaining, after };
  if (outcome === "uncached") return { _tag: "Ended", outcome };
  if (typeof row.owner !== "string") return undefined;
  return { _tag: "Follower", remaining, lease: row.owner, after };
}
