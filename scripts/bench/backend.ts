import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import { Cache, type Store } from "../../mod.ts";
import type { Connect, Connection, Place } from "../../tests/support/connection.ts";
import { medianOf, percentile } from "../../tests/support/percentile.ts";
import { goalsOf } from "./goals.ts";
import { compare, type Effort, type Rounds, timeInTurns } from "./measure.ts";
import type { Comparison, Herd, Measured } from "./measured.ts";

/** What is measured of one backend; each module in `backends/` exports one as `bench`. */
export interface BackendBench {
  /** What it is called. */
  readonly name: string;
  /** Where its clients find it, by what the server says. */
  readonly placeOf?: (url: string) => Place;
  /** Opens a client and the store over it. */
  readonly connect: Connect;
  /** Opens a client that reads as its driver does, with nothing around it. */
  readonly bare: (place: Place) => Promise<BareReads>;
  /** Whether long keys are hashed, so that their hits are measured, too. */
  readonly hashes?: boolean;
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

/** What one program measures. */
export interface BackendJob {
  /** The name of a module in `backends/`. */
  readonly backend: string;
  /** Where its server is. */
  readonly url: string;
  readonly effort: Effort;
}

/** Times a hit and a miss beside the driver's bare read, herds, and how soon followers are woken, over a real server. */
export async function benchBackend({ backend, url, effort }: BackendJob): Promise<Measured> {
  // A literal would not do: TypeScript's output has other names.
  const file = `backends/${backend}${import.meta.url.slice(-3)}`;
  const { bench }: { readonly bench: BackendBench } = await import(`./${file}`);
  const { name, placeOf = (url) => ({ url }), connect } = bench;
  const place = placeOf(url);
  const comparison = await benchCaller(bench, place, effort);
  const connections = await Promise.all(Array.from({ length: PROCESSES }, () => connect(place)));
  await Promise.all(connections.map(({ ready }) => ready()));
  const herd = await benchHerd(name, connections, effort);
  const lateness = await benchLateness(name, connections, effort);
  for (const { close } of connections) await close();
  const long = bench.hashes ? [await benchLongKeys(bench, place, effort)] : [];
  const goals = long.flatMap((comparison) =>
    goalsOf(comparison, { atMost: 3 }, { timing: comparison.timings[1]!, effect: 4 })
  );
  return { comparisons: [comparison, lateness, ...long], herds: [herd], goals };
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
  const timings = compare(
    await timeInTurns([
      repeated("floor: the driver's read", () => reads.read("hot")),
      repeated("cache-locking, a hit", () => get("hot")),
      repeated("cache-locking, a miss", () => get(randomUUID())),
    ], effort),
  );
  await own.close();
  await reads.close();
  return { title: `${name}: one caller`, timings };
}

/** Hits with keys that a backend takes, and with keys that have to be hashed, each another one than the last. */
async function benchLongKeys(
  { name, connect }: BackendBench,
  place: Place,
  effort: Effort,
): Promise<Comparison> {
  const { store, ready, close } = await connect(place);
  await ready();
  const cache = Cache.make({ adapter: store, cacheTtl: "1 hour" });
  const get = (key: string) => Effect.runPromise(cache.getOrSet(key, () => Effect.succeed(VALUE)));
  const subjects = [];
  for (const length of [100, 64_000]) {
    const keys = Array.from({ length: 400 }, (_, index) => `${index}:`.padEnd(length, "key"));
    for (const key of keys) await get(key);
    let next = 0;
    const run = async () => {
      for (let i = 0; i < 20; i++) await get(keys[next++ % keys.length]!);
    };
    subjects.push({ name: `a hit, ${length.toLocaleString("en-US")} characters`, calls: 20, run });
  }
  const timings = compare(await timeInTurns(subjects, effort));
  await close();
  return { title: `${name}: long keys`, timings };
}

/** Herds in as many clients, with flights of their own, as there would be processes. */
async function benchHerd(
  name: string,
  connections: readonly Connection[],
  { rounds }: Effort,
): Promise<Herd> {
  let sent = 0;
  const caches = connections.map(({ store }) =>
    Cache.make({ adapter: countedStore(store, () => sent++) })
  );
  const herd = async () => {
    const key = randomUUID();
    let fetches = sent = 0;
    const fetcher = () => Effect.as(Effect.sleep(FETCH), ++fetches);
    const began = performance.now();
    await Promise.all(
      caches.flatMap((cache) =>
        Array.from({ length: CALLERS }, () => Effect.runPromise(cache.getOrSet(key, fetcher)))
      ),
    );
    return { fetches, sent, slowest: performance.now() - began };
  };
  await herd();
  const herds: Awaited<ReturnType<typeof herd>>[] = [];
  while (herds.length < Math.max(3, rounds / 3)) herds.push(await herd());
  const median = (of: "fetches" | "sent" | "slowest") => medianOf(herds.map((herd) => herd[of]));
  return {
    name,
    processes: PROCESSES,
    callers: CALLERS,
    fetch: FETCH,
    fetches: median("fetches"),
    sent: median("sent"),
    slowest: median("slowest"),
    failed: 0,
  };
}

function countedStore(store: Store<unknown>, count: () => void): Store<unknown> {
  return new Proxy(store, {
    get: (target, name: keyof Store<unknown>) => {
      const method = target[name];
      return typeof method !== "function" ? method : (...args: never[]) => {
        count();
        return (method as (...args: never[]) => unknown)(...args);
      };
    },
  });
}

/** How soon after the end of the fetch followers in another client have the value: by polling, and by push where there is. */
async function benchLateness(
  backend: string,
  [leader, follower]: readonly Connection[],
  { rounds }: Effort,
): Promise<Comparison> {
  const { watch: push, ...polling } = follower!.store;
  const ways: Record<string, Store<unknown>> = { polling, ...push && { pushed: follower!.store } };
  const rows: Rounds[] = [];
  for (const [way, store] of Object.entries(ways)) {
    const late: number[] = [];
    for (let round = 0; round < Math.max(2, rounds / 5); round++) {
      const keys = Array.from({ length: 20 }, () => randomUUID());
      late.push(...await Promise.all(keys.map((key) => latenessOf(key, leader!.store, store))));
    }
    late.sort((a, b) => a - b);
    rows.push(
      { name: way, costs: [percentile(late, 0.5)] },
      { name: `${way}, p99`, costs: [percentile(late, 0.99)] },
    );
  }
  return { title: `${backend}: followers`, unit: "ms", timings: compare(rows) };
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
