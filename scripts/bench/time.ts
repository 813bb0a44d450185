import { loads } from "./loads.ts";
import { type Effort, type Rounds, timeInTurns } from "./measure.ts";
import { openPeer, type PeerName, type Servers } from "./open_peer.ts";

/** What one program times. */
export interface TimeJob extends Servers {
  readonly load: keyof typeof loads;
  readonly peers: readonly PeerName[];
  readonly effort: Effort;
}

/** Times some caches under one load, in turns. */
export async function time({ load, peers, effort, ...servers }: TimeJob): Promise<Rounds[]> {
  const subjects = [];
  for (const peer of peers) {
    subjects.push(await loads[load](await openPeer(peer, servers)));
  }
  const rounds = await timeInTurns(subjects, effort);
  for (const { close } of subjects) await close?.();
  return rounds;
}
