import type { Ended, Follower, Leader } from "../../src/store/store.ts";
import type { Row, Wanted } from "./backend.ts";

/**
 * What a row without an entry means for who asks for the lease; undefined where the lease is free.
 *
 * | lease | the lease that was waited for ended | answer |
 * | --- | --- | --- |
 * | the owner's own | | `Leader` |
 * | | uncached | `Ended` |
 * | another's | | `Follower` |
 * | none | | free |
 *
 * `Leader` and `Follower` say so if it ended failed.
 */
export function decide(
  { lease, ended }: Row,
  { owner, waitedFor }: Pick<Wanted, "owner" | "waitedFor">,
): Leader | Follower | Ended | undefined {
  const outcome = ended !== undefined && ended.owner === waitedFor ? ended.outcome : undefined;
  const after = outcome === "failed" ? outcome : undefined;
  if (lease?.owner === owner) return { _tag: "Leader", remaining: lease.remaining, after };
  if (outcome === "uncached") return { _tag: "Ended", outcome };
  if (lease === undefined) return undefined;
  return { _tag: "Follower", remaining: lease.remaining, lease: lease.owner, after };
}
