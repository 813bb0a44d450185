import { Duration, Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { type AdapterError, Cache, type CacheClient, type CallOptions } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import type { Store } from "../../src/store/store.ts";
import { holdsNoProcess, withoutTimers } from "../support/held.ts";
import {
  all,
  KEY,
  outcomes,
  processes,
  type ProcessesOptions,
  source,
  start,
  times,
} from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const TTL = 1_000;
const soft = {
  staleIfError: 10_000,
  softTimeout: 100,
  cacheTtl: TTL,
} satisfies CallOptions<unknown>;

/** Stores a value that has been stale for a time. */
const storeStale = (backend: Store<unknown>, value: unknown, staleFor = 100) =>
  Effect.gen(function* () {
    yield* backend.set(KEY, value, { freshFor: TTL, staleFor: 3_600_000 });
    yield* Effect.sleep(TTL + staleFor);
  });

/** Clients in memory, and in processes that are away from the backend. */
const places = {
  "in memory": (count: number, options: ProcessesOptions) => {
    const backend = memoryAdapter();
    const client = Cache.make({ ...options, adapter: backend }) as CacheClient;
    return { backend, clients: times(count, () => client), stores: [backend] };
  },
  "with push": (count: number, options: ProcessesOptions) => processes(count, options),
  "without push": (count: number, options: ProcessesOptions) =>
    processes(count, { ...options, poll: true }),
};

/** The store, one of whose operations takes its time. */
const slow = <Name extends "acquire" | "fill">(
  store: Store<unknown>,
  name: Name,
  millis: number,
): Store<unknown> => {
  const operation = store[name] as (...args: unknown[]) => Effect.Effect<unknown, AdapterError>;
  const late = (...args: unknown[]) =>
    Effect.flatMap(Effect.sleep(millis), () => operation(...args));
  return { ...store, [name]: late };
};

/** Why calls had a stale value, and what was reported of failures. */
function listening() {
  const reasons: string[] = [];
  const told: string[] = [];
  const hooks = {
    onStale: (_: unknown, { reason }: { readonly reason: string }) =>
      Effect.sync(() => void reasons.push(reason)),
    onError: ({ _tag }: { readonly _tag: string }) => Effect.sync(() => void told.push(_tag)),
  };
  return { reasons, told, hooks };
}

describe("softTimeout", () => {
  for (const [place, make] of Object.entries(places)) {
    it(`${place}, nobody waits for longer, who leads, joins or follows; the fetch fills`, async () => {
      for (const coalesce of [true, false]) {
        const simulation = simulate();
        const { reasons, told, hooks } = listening();
        const { backend, clients, stores } = make(3, { ...soft, coalesce, hooks });
        const { counter, fetcher } = source(300, () => "new");
        const [early, later] = await simulation.run(Effect.gen(function* () {
          yield* storeStale(backend, "old");
          const began = simulation.now();
          const early = yield* all(
            clients.flatMap((cache) => times(20, () => cache.getOrSet(KEY, fetcher))),
          );
          const took = simulation.now() - began;
          assert.ok(took >= 100 && took <= 108, `${took} ms`);
          yield* Effect.sleep(210);
          return [early, yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)))] as const;
        }));
        assert.deepEqual(outcomes(early), { STALE: 60 });
        assert.ok(early.every(({ value }) => value === "old"));
        assert.ok(early.every(({ meta }) => Duration.toMillis(meta.staleFor!) >= 200));
        assert.deepEqual(outcomes(later), { HIT: 3 });
        assert.ok(later.every(({ value }) => value === "new"));
        assert.equal(counter.fetches, 1);
        assert.deepEqual(reasons, times(60, () => "slow"));
        assert.deepEqual(told, []);
        for (const store of stores) assert.equal(flightsUnderWay(store as Store<unknown>), 0);
        assert.equal(simulation.timers(), 0);
      }
    });

    it(`${place}, a fetch that ends in time is waited for`, async () => {
      const simulation = simulate();
      // Those who poll see it up to 250 ms later.
      const { backend, clients } = make(2, { ...soft, softTimeout: 400 });
      const { counter, fetcher } = source(80, () => "new");
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(clients.flatMap((cache) => times(5, () => cache.getOrSet(KEY, fetcher))));
      }));
      assert.ok(results.every(({ value }) => value === "new"));
      assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 9 });
      assert.equal(counter.fetches, 1);
      assert.equal(simulation.timers(), 0);
    });

    it(`${place}, who has no stale value, or too old a one, waits`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1, soft);
      const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
      const results = await simulation.run(Effect.gen(function* () {
        const cold = yield* all(times(2, () => cache!.getOrSet(KEY, fetcher)));
        yield* storeStale(backend, "old", 9_950);
        return [...cold, yield* cache!.getOrSet(KEY, fetcher)];
      }));
      assert.deepEqual(results.map(({ value }) => value), ["new 1", "new 1", "new 2"]);
      assert.equal(counter.fetches, 2);
      assert.equal(simulation.timers(), 0);
    });

    it(`${place}, each waits by its own time, who comes later, too`, async () => {
      const simulation = simulate();
      const { backend, clients } = make(2, soft);
      const { counter, fetcher } = source(500, () => "new");
      await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        yield* all(times(60, (at) =>
          Effect.gen(function* () {
            yield* Effect.sleep(5 * at);
            const began = simulation.now();
            const softTimeout = [0, 20, 100][at % 3]!;
            const { meta } = yield* clients[at % 2]!.getOrSet(KEY, fetcher, { softTimeout });
            const took = simulation.now() - began;
            assert.equal(meta.cache, "STALE");
            assert.ok(took >= softTimeout && took <= softTimeout + 8, `${took} ms`);
          })));
      }));
      assert.equal(counter.fetches, 1);
    });

    it(`${place}, a fetch that fails afterwards is reported, and all back off`, async () => {
      const simulation = simulate();
      const { told, hooks } = listening();
      const { backend, clients } = make(2, { ...soft, hooks });
      const { counter, fetcher } = source(300, () => Effect.fail("down"));
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        const first = yield* clients[0]!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(250);
        return [first, ...yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)))];
      }));
      assert.deepEqual(results.map(({ meta }) => meta.cache), [
        "STALE",
        "STALE-ERROR",
        "STALE-ERROR",
      ]);
      assert.equal(counter.fetches, 1);
      assert.deepEqual(told, ["FETCHER_FAILED"]);
    });

    it(`${place}, who leaves before leaves as ever; the fetch goes on for the last who stays`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache], stores: [store] } = make(1, soft);
      const alone = source(300, () => "new");
      const joined = source(300, () => "newer");
      const value = await simulation.run(Effect.scoped(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        const leaver = yield* start(cache!.getOrSet(KEY, alone.fetcher));
        yield* Effect.sleep(50);
        yield* Fiber.interrupt(leaver);
        assert.equal(alone.counter.running, 0);
        yield* Effect.sleep(10);
        assert.equal(flightsUnderWay(store as Store<unknown>), 0);
        const first = yield* start(cache!.getOrSet(KEY, joined.fetcher));
        yield* Effect.sleep(20);
        const last = yield* start(cache!.getOrSet(KEY, joined.fetcher));
        yield* Effect.sleep(50);
        yield* Fiber.interrupt(first);
        assert.equal((yield* Fiber.join(last)).meta.cache, "STALE");
        assert.equal(joined.counter.running, 1);
        yield* Effect.sleep(300);
        return (yield* backend.get(KEY))?.value;
      })));
      assert.equal(value, "newer");
      assert.equal(joined.counter.fetches, 1);
      assert.equal(simulation.timers(), 0);
    });

    it(`${place}, a change while the fetch goes on stays`, async () => {
      const simulation = simulate();
      const { told, hooks } = listening();
      const { backend, clients: [cache] } = make(1, { ...soft, hooks });
      const { fetcher } = source(300, () => "new");
      const value = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        yield* cache!.getOrSet(KEY, fetcher);
        yield* cache!.set(KEY, "set");
        yield* Effect.sleep(300);
        return (yield* backend.get(KEY))?.value;
      }));
      assert.equal(value, "set");
      assert.deepEqual(told, ["CACHE_SET_FAILED"]);
    });
  }

  it("a backend that is slow is waited for no longer either, and the fetch still fills", async () => {
    const simulation = simulate();
    const { reasons, told, hooks } = listening();
    const backend = memoryAdapter();
    const stores = times(2, () => slow(processOver(backend), "acquire", 400));
    const clients = stores.map((adapter) => Cache.make({ ...soft, hooks, adapter }));
    const { counter, fetcher } = source(50, () => "new");
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const began = simulation.now();
      yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)));
      const took = simulation.now() - began;
      assert.ok(took >= 100 && took <= 108, `${took} ms`);
      yield* Effect.sleep(800);
      assert.equal((yield* backend.get(KEY))?.value, "new");
    }));
    assert.equal(counter.fetches, 1);
    assert.deepEqual(reasons, ["slow", "slow"]);
    assert.deepEqual(told, []);
    for (const store of stores) assert.equal(flightsUnderWay(store), 0);
    assert.equal(simulation.timers(), 0);
  });

  it("waitUntil is told of what goes on, and the client counts a refresh", async () => {
    const simulation = simulate();
    const works: Promise<void>[] = [];
    const { backend, clients: [cache] } = processes(1, {
      ...soft,
      waitUntil: (work) => void works.push(work),
    });
    const { fetcher } = source(300, () => "new");
    let ended = 0;
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, fetcher);
      assert.ok(works.length > 0);
      void Promise.all(works).then(() => ended++);
      yield* Effect.sleep(100);
      assert.equal(ended, 0);
      yield* Effect.sleep(200);
    }));
    await Promise.all(works);
    assert.equal((await simulation.run(backend.get(KEY)))?.value, "new");
    const { refreshes, stale, leaders, failedFetches } = cache!.stats();
    assert.deepEqual({ refreshes, stale, leaders, failedFetches }, {
      refreshes: 1,
      stale: 1,
      leaders: 0,
      failedFetches: 0,
    });
  });

  it("a value that is there, and hangs in its fill, is better than the stale one", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const cache = Cache.make({ ...soft, adapter: slow(processOver(backend), "fill", 400) });
    const { fetcher } = source(50, () => "new");
    const results = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      return yield* all(times(3, () => cache.getOrSet(KEY, fetcher)));
    }));
    assert.deepEqual(results.map(({ value }) => value), ["new", "new", "new"]);
  });

  it("with staleWhileRevalidate nobody waits at all within that time", async () => {
    const simulation = simulate();
    const { reasons, hooks } = listening();
    const { backend, clients: [cache] } = processes(1, {
      ...soft,
      staleWhileRevalidate: 1_000,
      errorBackoff: 0,
      hooks,
    });
    const { fetcher } = source(300, () => Effect.fail("down"));
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(1_000);
      yield* cache!.getOrSet(KEY, fetcher);
    }));
    assert.deepEqual(reasons, ["refreshing", "slow"]);
  });

  it("1,000 callers leave no lease, no flight and no timer", async () => {
    const simulation = simulate();
    const { backend, clients, stores } = processes(4, soft);
    const { counter, fetcher } = source(300, () => "new");
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const callers = yield* Effect.all(
        times(1_000, (at) => start(clients[at % 4]!.getOrSet(KEY, fetcher))),
      );
      yield* Effect.sleep(50);
      yield* all(callers.filter((_, at) => at % 3 === 0).map(Fiber.interrupt));
      yield* all(callers.filter((_, at) => at % 3 !== 0).map((caller) => Fiber.join(caller)));
      yield* Effect.sleep(300);
      assert.equal((yield* backend.acquire(KEY, "me", 1_000))._tag, "Hit");
    })));
    assert.equal(counter.fetches, 1);
    for (const store of stores) assert.equal(flightsUnderWay(store), 0);
    assert.equal(simulation.timers(), 0);
  });

  it("in promises, and what goes on holds no process", { skip: withoutTimers }, async () => {
    for (const fetchTimeout of [undefined, "1 hour"] as const) {
      const reasons: string[] = [];
      const cache = createCache({
        adapter: memoryAdapter(),
        cacheTtl: "1 hour",
        staleIfError: "1 hour",
        softTimeout: 20,
        fetchTimeout,
        hooks: { onStale: (_, { reason }) => void reasons.push(reason) },
      });
      await cache.set(KEY, "old");
      await cache.expire(KEY);
      let end!: (value: string) => void;
      await holdsNoProcess(
        async () => {
          const fetch = () => new Promise<string>((resolve) => end = resolve);
          assert.equal(await cache.getOrSet(KEY, fetch), "old");
        },
        () => end("new"),
      );
      assert.deepEqual(reasons, ["slow"]);
      assert.equal(await cache.getOrSet(KEY, () => assert.fail("it is fetched")), "new");
    }
  });
});
