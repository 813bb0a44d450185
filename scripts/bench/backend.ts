import { Effect } from "effect";
import { Cache } from "../../mod.ts";
import type { Connect, Place } from "../../tests/support/connections/connection.ts";
import type { Description } from "../backends/description.ts";
import { compare, type Effort, medianOf } from "./measure.ts";
import { printTimings } from "./report.ts";

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

/** Times a hit and a miss beside the driver's bare read, and herds, over a real server. */
export async function benchBackend(
  { name, server, placeOf = (url) => ({ url }), connect, bare }: BackendBench,
  effort: Effort,
): Promise<void> {
  const { url, stop } = await server.start(4);
  const place = placeOf(url);
  try {
    const [own, reads] = await Promise.all([connect(place), bare(place)]);
    await own.ready();
    const cache = Cache.make({ adapter: own.store, cacheTtl: "1 hour" });
    const get = (key: string) =>
      Effect.runPromise(cache.getOrSet(key, () => Effect.succeed(VALUE)));
    await get("hot");
    const repeated = (name: string, each: () => Promise<unknown>) => ({
      name,
      calls: 20,
      run: async () => {
        for (let i = 0; i < 20; i++) await each();
      },
    });
    printTimings(
      `${name}: one caller`,
      await compare([
        repeated("floor: the driver's read", () => reads.read("hot")),
        repeated("cache-locking, a hit", () => get("hot")),
        repeated("cache-locking, a miss", () => get(crypto.randomUUID())),
      ], effort),
    );
    await own.close();
    await reads.close();
    await herds(() => connect(place), effort);
  } finally {
    await stop();
  }
}

/** Herds in as many clients, with flights of their own, as there would be processes. */
async function herds(
  connect: () => ReturnType<Connect>,
  { rounds }: Effort,
): Promise<void> {
  const connections = await Promise.all(Array.from({ length: PROCESSES }, connect));
  await Promise.all(connections.map(({ ready }) => ready()));
  const caches = connections.map(({ store }) => Cache.make({ adapter: store }));
  const late: number[] = [];
  const fetches: number[] = [];
  for (let round = -1; round < Math.max(3, rounds / 3); round++) {
    const key = crypto.randomUUID();
    let begun = 0;
    const fetcher = () => Effect.as(Effect.sleep(FETCH), ++begun);
    const began = performance.now();
    await Promise.all(
      caches.flatMap((cache) =>
        Array.from({ length: CALLERS }, () => Effect.runPromise(cache.getOrSet(key, fetcher)))
      ),
    );
    if (round < 0) continue;
    late.push(performance.now() - began - FETCH);
    fetches.push(begun);
  }
  console.log(
    `  ${PROCESSES} × ${CALLERS} callers of a cold key, a fetch of ${FETCH} ms: ` +
      `fetched ${Math.max(...fetches)} ×, the last value ${medianOf(late).toFixed(0)} ms after it`,
  );
  for (const { close } of connections) await close();
}
