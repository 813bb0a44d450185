import process from "node:process";
import { openPeer, type PeerName } from "./open_peer.ts";
import { callOf, type MakePeer } from "./peer.ts";

/** What one program counts. */
export interface BytesJob {
  readonly peer: PeerName;
  /** An entry, or a caller that waits with others for one fetch. */
  readonly of: "entry" | "waiter";
}

const COUNTED = 10_000;

/** Counts the bytes, of the heap and of buffers, that one of many entries or of many waiting callers holds. */
export async function bytes({ peer, of }: BytesJob): Promise<{ name: string; bytes: number }> {
  const make = await openPeer(peer, { entries: COUNTED });
  const hold = of === "entry" ? holdEntries : holdWaiters;
  // The first time the compiler's own memory grows.
  await (await hold(make)).end();
  const before = await memory();
  const held = await hold(make);
  const bytes = (await memory() - before) / COUNTED;
  await held.end();
  return { name: held.name, bytes };
}

interface Held {
  readonly name: string;
  /** Ends it; until then all is held. */
  readonly end: () => Promise<unknown>;
}

async function holdEntries(make: MakePeer): Promise<Held> {
  let fetched = 0;
  const peer = make(() => Promise.resolve(++fetched));
  const call = callOf(peer);
  for (let i = 0; i < COUNTED; i++) await call(`user:${i}`);
  return { name: peer.name, end: () => call("user:0") };
}

async function holdWaiters(make: MakePeer): Promise<Held> {
  let endFetch!: (value: number) => void;
  const fetch = new Promise<number>((resolve) => endFetch = resolve);
  const peer = make(() => fetch);
  const call = callOf(peer);
  const waiters = Array.from({ length: COUNTED }, () => call("user:0"));
  await pause();
  return {
    name: peer.name,
    end: () => {
      endFetch(0);
      return Promise.all(waiters);
    },
  };
}

/** What is held when all garbage is collected. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await pause();
    (globalThis as unknown as { gc(): void }).gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
