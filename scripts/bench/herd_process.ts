import { answer, messages } from "../../tests/support/worker.ts";
import { VALUE } from "./loads.ts";
import { openPeer, type PeerName } from "./open_peer.ts";
import { callOf, type Peer } from "./peer.ts";

/** What one of the processes of a fleet begins with. */
export interface HerdsJob {
  /** Where Redis is. */
  readonly url: string;
}

/** What it is asked to do. */
export interface Task {
  /** By which cache. */
  readonly peer: PeerName;
  readonly key: string;
  /** How many calls at once. */
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** Whether every fetch fails. */
  readonly down: boolean;
  /** The moment: epoch milliseconds. */
  readonly begins: number;
}

/** What it answers. */
export interface Share {
  /** The name of the cache. */
  readonly name: string;
  readonly fetches: number;
  /** How many callers had no value. */
  readonly failed: number;
  /** How long the slowest caller took, in milliseconds. */
  readonly slowest: number;
}

/** Calls caches as it is told to, by one line after the other, until there is none. */
export async function runHerds({ url }: HerdsJob): Promise<void> {
  let fetches = 0;
  let task: Task;
  const peers = new Map<PeerName, Peer>();

  async function source(): Promise<unknown> {
    fetches++;
    await new Promise((resolve) => setTimeout(resolve, task.fetch));
    if (task.down) throw new Error("the source is down");
    return VALUE;
  }

  async function run({ peer: peerName, key, callers, begins }: Task): Promise<Share> {
    const peer = peers.get(peerName) ?? (await openPeer(peerName, { redis: { url } }))(source);
    peers.set(peerName, peer);
    const call = callOf(peer);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begins - Date.now())));
    const began = performance.now();
    const got = await Promise.all(
      Array.from({ length: callers }, () => call(key).catch(() => undefined)),
    );
    const failed = got.filter((each) => each === undefined).length;
    return { name: peer.name, fetches, failed, slowest: performance.now() - began };
  }

  answer("ready");
  for await (const message of messages<Task>()) {
    task = message;
    fetches = 0;
    answer(await run(task));
  }
  for (const { close } of peers.values()) await close?.();
}
