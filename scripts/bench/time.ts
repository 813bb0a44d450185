import { loads } from "./loads.ts";
import { type Effort, type Rounds, timeInTurns } from "./measure.ts";
import { openPeer, type PeerName, type Redises } from "./open_peer.ts";

/** What one program times. */
export interface TimeJob {
  readonly load: keyof typeof loads;
  readonly peers: readonly PeerName[];
  readonly effort: Effort;
  /** Where Redis is; without it caches are in memory. */
  readonly redis?: Redises | undefined;
}

/** Times some caches under one load, in turns. */
export async function time({ load, peers, effort, redis }: TimeJob): Promise<Rounds[]> {
  const subjects = [];
  for (const peer of peers) {
    subjects.push(await loads[load](await openPeer(peer, { redis })));
  }
  const rounds = await timeInTurns(subjects, effort);
  for (const { close } of subjects) await close?.();
  return rounds;
}
