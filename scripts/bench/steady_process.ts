import { answer, messages } from "../../tests/support/worker.ts";
import type { HerdsJob } from "./herd_process.ts";
import { VALUE } from "./loads.ts";
import { openPeer, type PeerName } from "./open_peer.ts";
import { callOf } from "./peer.ts";

/** What a process of the steady load is asked to do. */
export interface SteadyTask {
  /** By which cache. */
  readonly peer: PeerName;
  readonly key: string;
  /** How many calls a second. */
  readonly rate: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** For how long it calls unmeasured, and then measured, in milliseconds. */
  readonly warmup: number;
  readonly millis: number;
  /** The moment: epoch milliseconds. */
  readonly begins: number;
}

/** What it answers. */
export interface SteadyShare {
  /** The name of the cache. */
  readonly name: string;
  readonly calls: number;
  /** How many callers had no value. */
  readonly failed: number;
  readonly fetches: number;
  /** How long each call took, in milliseconds. */
  readonly took: readonly number[];
}

/** The time between two turns, in milliseconds. */
const TURN = 10;

/** Calls caches steadily, as it is told to, by one line after the other, until there is none. */
export async function runSteady({ url }: HerdsJob): Promise<void> {
  answer("ready");
  for await (const task of messages<SteadyTask>()) answer(await runTask(url, task));
}

async function runTask(
  url: string,
  { peer: name, key, rate, fetch, warmup, millis, begins }: SteadyTask,
): Promise<SteadyShare> {
  let fetches = 0;
  let failed = 0;
  const took: number[] = [];
  const measured = { from: begins + warmup, until: begins + warmup + millis };
  const isMeasured = (at = Date.now()) => at >= measured.from && at < measured.until;
  const source = async () => {
    if (isMeasured()) fetches++;
    await new Promise((resolve) => setTimeout(resolve, fetch));
    return VALUE;
  };
  const peer = (await openPeer(name, { redis: { url } }))(source);
  const call = callOf(peer);
  const open = new Set<Promise<void>>();
  const one = async () => {
    const counts = isMeasured();
    const began = performance.now();
    const isOk = await call(key).then(() => true, () => false);
    if (!counts) return;
    took.push(Math.round((performance.now() - began) * 1000) / 1000);
    if (!isOk) failed++;
  };
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, begins - Date.now())));
  let called = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = Date.now();
      if (now >= measured.until) {
        clearInterval(timer);
        return resolve();
      }
      // A turn that comes late makes up for it, as callers don't wait for the process.
      for (const due = (now - begins) * rate / 1000; called < due; called++) {
        const calling: Promise<void> = one().finally(() => open.delete(calling));
        open.add(calling);
      }
    }, TURN);
  });
  await Promise.all(open);
  await peer.close?.();
  return { name: peer.name, calls: took.length, failed, fetches, took };
}
