import { Effect } from "effect";
import { Cache, type Store } from "../../mod.ts";
import type { Connect, Connection, Place } from "../../tests/support/connection.ts";
import type { Description } from "../../tests/servers/description.ts";
import { percentile } from "../percentile.ts";
import { countedStore } from "./counted_store.ts";
import { compare, type Effort, medianOf } from "./measure.ts";
import type { Comparison, Herd, Lateness, Measured } from "./measured.ts";

/** What is measured of one backend; each module in `backends/` exports one as `bench`. */
export interface BackendBench {
  /** What it is called. */
  readonly name: string;
  /** Its server. */
  readonly server: Description;
  /** Where its clients find it, by what the server says. */
  readonly placeOf?: (url: string) => Place;
  /** Opens a client and the store over it. */
  readonly connect: Connect;
  /** Opens a client that reads as its driver does, with nothing around it. */
  readonly bare: (place: Place) => Promise<BareReads>;
}

/** Reads of a driver alone. */
export interface BareReads {
  /** Reads what a store of this backend keeps under the key. */
  read(key: string): Promise<unknown>;
  close(): unknown;
}

const PROCESSES = 4;
const CALLERS = 250;
const FETCH = 200;
const VALUE = { id: 42, name: "Ada", notes: "x".repeat(200) };

/** Times a hit and a miss beside the driver's bare read, herds, and how soon followers are woken, over a real server. */
export async function benchBackend(backend: BackendBench, effort: Effort): Promise<Measured> {
  const { name, server, placeOf = (url) => ({ url }), connect } = backend;
  const { url, version, stop } = await server.start();
  const place = placeOf(url);
  try {
    const comparison = await benchCaller(backend, place, effort);
    const connections = await Promise.all(Array.from({ length: PROCESSES }, () => connect(place)));
    await Promise.all(connections.map(({ ready }) => ready()));
    const herd = await benchHerd(name, connections, effort);
    const lateness = await benchLateness(name, connections, effort);
    for (const { close } of connections) await close();
    return { servers: [version], comparisons: [comparison], herds: [herd], lateness };
  } finally {
    await stop();
  }
}

async function benchCaller(
  { name, connect, bare }: BackendBench,
  place: Place,
  effort: Effort,
): Promise<Comparison> {
  const [own, reads] = await Promise.all([connect(place), bare(place)]);
  await own.ready();
  const cache = Cache.make({ adapter: own.store, cacheTtl: "1 hour" });
  const get = (key: string) => Effect.runPromise(cache.getOrSet(key, () => Effect.succeed(VALUE)));
  await get("hot");
  const repeated = (name: string, each: () => Promise<unknown>) => ({
    name,
    calls: 20,
    run: async () => {
      for (let i = 0; i < 20; i++) await each();
    },
  });
  const timings = await compare([
    repeated("floor: the driver's read", () => reads.read("hot")),
    repeated("cache-locking, a hit", () => get("hot")),
    repeated("cache-locking, a miss", () => get(crypto.randomUUID())),
  ], effort);
  await own.close();
  await reads.close();
  return { title: `${name}: one caller`, timings };
}

/** Herds in as many clients, with flights of their own, as there would be processes. */
async function benchHerd(
  name: string,
  connections: readonly Connection[],
  { rounds }: Effort,
): Promise<Herd> {
  const stores = connections.map(({ store }) => countedStore(store));
  const caches = stores.map(({ store }) => Cache.make({ adapter: store }));
  const found = { fetches: [] as number[], sent: [] as number[], slowest: [] as number[] };
  for (let round = -1; round < Math.max(3, rounds / 3); round++) {
    const key = crypto.randomUUID();
    let begun = 0;
    const fetcher = () => Effect.as(Effect.sleep(FETCH), ++begun);
    for (const { seen } of stores) seen.length = 0;
    const began = performance.now();
    await Promise.all(
      caches.flatMap((cache) =>
        Array.from({ length: CALLERS }, () => Effect.runPromise(cache.getOrSet(key, fetcher)))
      ),
    );
    if (round < 0) continue;
    found.slowest.push(performance.now() - began);
    found.sent.push(stores.reduce((sum, { seen }) => sum + seen.length, 0));
    found.fetches.push(begun);
  }
  return {
    name,
    processes: PROCESSES,
    callers: CALLERS,
    fetch: FETCH,
    fetches: Math.max(...found.fetches),
    sent: medianOf(found.sent),
    slowest: medianOf(found.slowest),
  };
}

/** How soon followers are woken: by push, where the store has it, and without. */
async function benchLateness(
  backend: string,
  [leader, follower]: readonly Connection[],
  { rounds }: Effort,
): Promise<Lateness[]> {
  const { watch: push, ...polling } = follower!.store;
  const all: Lateness[] = [];
  for (
    const [how, store] of [
      ...(push === undefined ? [] : [["push", follower!.store] as const]),
      ["polling", polling] as const,
    ]
  ) {
    const late: number[] = [];
    for (let round = 0; round < Math.max(2, rounds / 5); round++) {
      const keys = Array.from({ length: 20 }, () => crypto.randomUUID());
      late.push(...await Promise.all(keys.map((key) => latenessOf(key, leader!.store, store))));
    }
    late.sort((a, b) => a - b);
    all.push({ backend, how, median: percentile(late, 0.5), p99: percentile(late, 0.99) });
  }
  return all;
}

/** One follower of one leader, whose fetch is long enough for pauses to have grown to `waitStep`. */
async function latenessOf(
  key: string,
  leader: Store<unknown>,
  follower: Store<unknown>,
): Promise<number> {
  let follow!: () => void;
  const fetching = new Promise<void>((resolve) => follow = resolve);
  let fetched = 0;
  const leading = Effect.runPromise(
    Cache.make({ adapter: leader }).getOrSet(key, () => {
      follow();
      return Effect.map(Effect.sleep(600 + 200 * Math.random()), () => fetched = performance.now());
    }),
  );
  await fetching;
  const never = () => Effect.die(new Error("A follower has fetched"));
  await Effect.runPromise(Cache.make({ adapter: follower }).getOrSet(key, never));
  const late = performance.now() - fetched;
  await leading;
  return late;
}
