import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type GetOrSetOptions, type Store } from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { entriesOfHalf, storeOfHalves } from "../../src/store/halves.ts";
import { fakeSignal } from "../support/fake_signal.ts";
import { all, start, times } from "../support/herd.ts";
import { handWritten } from "../support/hand_written.ts";
import { processOver } from "../support/process_store.ts";
import { seeds } from "../support/seeds.ts";
import { simulate, type Simulation } from "../support/simulation.ts";

const keys = ["a", "b", "c"];

/** Calls from several processes that are interrupted or aborted at random moments; gives what they left behind. */
async function interruptAtRandom(
  simulation: Simulation,
  stores: readonly Store<unknown>[],
  calls: number,
) {
  const { random } = simulation;
  const pick = <A>(items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  const signals: ReturnType<typeof fakeSignal>[] = [];
  const call = Effect.suspend(() => {
    const aborted = fakeSignal();
    signals.push(aborted);
    const fetcher = () =>
      Effect.flatMap(
        Effect.sleep(random() * 40),
        () => random() < 0.2 ? Effect.fail("no") : Effect.succeed("value"),
      );
    const options: GetOrSetOptions<string, string, never, Record<never, never>, never> = {
      adapter: pick(stores),
      key: pick(keys),
      cacheTtl: random() * 20,
      leaseTtl: 60,
      waitMax: random() * 60,
      coalesce: random() < 0.9,
      signal: aborted.signal,
      fetcher,
    };
    return Effect.scoped(Effect.gen(function* () {
      yield* Effect.sleep(random() * 2_000);
      const fiber = yield* start(Cache.getOrSet(options));
      yield* Effect.sleep(random() * 60);
      if (random() < 0.4) aborted.abort();
      else if (random() < 0.8) yield* Fiber.interrupt(fiber);
      yield* Fiber.await(fiber);
    }));
  });
  await simulation.run(all(times(calls, () => call)));
  // Halves take up to four steps of 8 ms to let go of a lease, which an aborted call doesn't wait for. A promise may be settled
  // turns later than its time.
  for (let left = 10; left > 0 && (left === 10 || simulation.timers() > 0); left--) {
    await simulation.run(Effect.sleep(50));
  }
  return {
    flights: stores.reduce((sum, store) => sum + flightsUnderWay(store), 0),
    timers: simulation.timers(),
    listeners: signals.reduce((sum, { listeners }) => sum + listeners(), 0),
  };
}

const nothing = { flights: 0, timers: 0, listeners: 0 };
/** The last of them once left a lease: its release overtook the look that won it. */
const chosen = [...times(Math.ceil(seeds / 150), (index) => index + 1), 43];

describe("1,000 calls interrupted at random moments", () => {
  for (const seed of chosen) {
    it(`memory, seed ${seed}: no lease, flight, timer or listener is left`, async () => {
      const simulation = simulate({ seed });
      const store = memoryAdapter();
      assert.deepEqual(await interruptAtRandom(simulation, [store], 1_000), nothing);
      assert.deepEqual(await leasesLeft(simulation, store), []);
    });

    it(`four processes away from their backend, seed ${seed}: nothing is left`, async () => {
      const simulation = simulate({ seed });
      const backend = memoryAdapter();
      const latency = () => simulation.random() * 8;
      const { promise } = simulation;
      const stores = times(
        4,
        (index) =>
          processOver(backend, { latency, poll: index > 1, ...(index % 2 ? { promise } : {}) }),
      );
      assert.deepEqual(await interruptAtRandom(simulation, stores, 1_000), nothing);
      assert.deepEqual(await leasesLeft(simulation, backend), []);
    });

    it(`hand-written halves of a few milliseconds, seed ${seed}: nothing is left`, async () => {
      const simulation = simulate({ seed });
      const halves = handWritten(() => simulation.random() * 8);
      const stores = times(3, () => storeOfHalves(entriesOfHalf(halves.cache), halves.leases));
      assert.deepEqual(await interruptAtRandom(simulation, stores, 1_000), nothing);
      assert.deepEqual([...halves.held], []);
    });
  }
});

/** The keys that somebody else still holds. */
async function leasesLeft(simulation: Simulation, store: Store<unknown>) {
  const left: string[] = [];
  for (const key of keys) {
    const acquired = await simulation.run(store.acquire(key, "next", 1_000));
    if (acquired._tag === "Follower") left.push(key);
  }
  return left;
}
