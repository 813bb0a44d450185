import process from "node:process";
import { openPeer, type PeerName, type Servers } from "./open_peer.ts";
import { callOf, type MakePeer } from "./peer.ts";

/** What one program counts. */
export interface BytesJob extends Servers {
  readonly peer: PeerName;
  /** An entry of a number, one of 1 kB, or a caller that waits with others for one fetch. */
  readonly of: "entry" | "kilobyte" | "waiter";
}

const COUNTED = 10_000;

/** Counts the bytes, of the heap and of buffers, that one of many entries or of many waiting callers holds. */
export async function bytes(
  { peer, of, ...servers }: BytesJob,
): Promise<{ name: string; bytes: number }> {
  const make = await openPeer(peer, { ...servers, entries: COUNTED });
  const hold = of === "waiter" ? holdWaiters : holdEntries(valueOf[of]);
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

const valueOf = {
  entry: (fetched: number): unknown => fetched,
  // As it comes from a source: a text of its own, in one piece.
  kilobyte: (fetched: number): unknown =>
    JSON.parse(JSON.stringify({ id: fetched, notes: `${fetched}`.padEnd(1000, "x") })),
};

function holdEntries(valueOf: (fetched: number) => unknown) {
  return async (make: MakePeer): Promise<Held> => {
    let fetched = 0;
    const peer = make(() => Promise.resolve(valueOf(++fetched)));
    const call = callOf(peer);
    // A cache of two tiers has it in the nearer one from the second call on.
    for (let i = 0; i < 2 * COUNTED; i++) await call(`user:${i % COUNTED}`);
    return {
      name: peer.name,
      async end() {
        await call("user:0");
        await peer.close?.();
      },
    };
  };
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
