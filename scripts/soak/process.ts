/** One of the processes of the soak: has traffic with pauses, and prints what there is in each of them. */
import { getEventListeners } from "node:events";
import process from "node:process";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { type Place, places } from "./places.ts";
import { makeTraffic, type Tally } from "./traffic.ts";

/** What a process of the soak is told. */
export interface Orders {
  readonly backend: string;
  readonly url: string;
  readonly seconds: number;
  /** Loses something of each kind in each pause. */
  readonly leak: boolean;
}

/** What a process of the soak prints: what there is in each pause, and what its calls came to. */
export interface Findings {
  /** By what is counted. */
  readonly samples: readonly Sample[];
  readonly tally: Tally;
}

/** What there is in one pause. */
export type Sample = Readonly<Record<string, number>>;

/** How long traffic goes on between two pauses, and how long the last of it may take then, in milliseconds. */
const TRAFFIC = 2300;
const REST = 700;
/** How many herds are under way at one time. */
const AT_ONCE = 24;

const { gc } = globalThis as { readonly gc?: () => void };
const orders: Orders = JSON.parse(process.argv[2]!);
const place = await places[orders.backend]!(orders.url);
console.log(JSON.stringify(await soak(place, orders)));
await place.close();
process.exit();

async function soak(place: Place, { seconds, leak }: Orders): Promise<Findings> {
  const { signal } = new AbortController();
  const { herd, tally } = makeTraffic(place.stores, signal);
  const samples: Sample[] = [];
  const leaked: unknown[] = [];
  const end = performance.now() + seconds * 1000;
  for (let pause = 0; performance.now() + TRAFFIC + REST <= end; pause++) {
    const until = performance.now() + TRAFFIC;
    const herds = async () => {
      while (performance.now() < until) await herd();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, herds));
    if (leak) {
      leaked.push(new Array(100_000).fill(pause));
      signal.addEventListener("abort", () => leaked.push(pause));
      setInterval(() => leaked.push(pause), 1_000_000);
      await place.connect();
    }
    samples.push(await sample(place, signal));
  }
  return { samples, tally };
}

async function sample({ stores, counts }: Place, signal: AbortSignal): Promise<Sample> {
  // What was cancelled is let go of after its callers were answered.
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (let i = 0; i < 3; i++) gc!();
  const { heapUsed } = process.memoryUsage();
  return {
    "heap, KB": Math.round(heapUsed / 1024),
    "handles and timers": process.getActiveResourcesInfo().length,
    "listeners of the signal": getEventListeners(signal, "abort").length,
    flights: stores.reduce((sum, store) => sum + flightsUnderWay(store), 0),
    ...await counts(),
  };
}
