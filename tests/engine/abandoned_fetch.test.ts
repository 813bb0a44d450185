import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type FetchContext } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { holdsNoProcess, withoutTimers } from "../support/held.ts";
import { KEY, outcomes, processes, source, start } from "../support/herd.ts";
import { simulate } from "../support/simulation.ts";

describe("abandonedFetch: 'finish'", () => {
  it("the last caller leaves at once, and the fetch goes on, is renewed and stored", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(20_000, () => "value");
    const { clients: [cache], stores: [store], backend } = processes(1, {
      abandonedFetch: "finish",
    });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const caller = yield* start(cache!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      const before = simulation.now();
      yield* Fiber.interrupt(caller);
      assert.equal(simulation.now(), before);
      yield* Effect.sleep(20_000);
      assert.equal((yield* backend.get(KEY))?.value, "value");
    })));
    assert.equal(counter.fetches, 1);
    assert.ok(store!.counts.renew! >= 10);
    assert.equal(flightsUnderWay(store!), 0);
    assert.equal(simulation.timers(), 0);
  });

  it("later callers join it", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(1_000, () => "value");
    const { clients: [cache] } = processes(1, { abandonedFetch: "finish" });
    const result = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const caller = yield* start(cache!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      yield* Fiber.interrupt(caller);
      return yield* cache!.getOrSet(KEY, fetcher);
    })));
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes([result]), { "MISS-FOLLOWER-HIT": 1 });
  });

  it("a failure that nobody waits for is told to onError, and the lease is released", async () => {
    const simulation = simulate();
    const told: unknown[] = [];
    const { fetcher } = source(1_000, () => Effect.fail("own"));
    const { stores: [store], backend } = processes(1);
    const cache = Cache.make({
      adapter: store!,
      abandonedFetch: "finish",
      hooks: { onError: (error) => Effect.sync(() => void told.push([error._tag, error.cause])) },
    });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const caller = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      yield* Fiber.interrupt(caller);
      yield* Effect.sleep(1_000);
    })));
    assert.deepEqual(told, [["FETCHER_FAILED", "own"]]);
    const next = await simulation.run(backend.acquire(KEY, "next", 1_000));
    assert.equal(next._tag, "Leader");
  });

  it("a value that can't be stored is told to onError when nobody waits for it", async () => {
    const simulation = simulate();
    const told: string[] = [];
    const { fetcher } = source(1_000, () => "value");
    const cache = Cache.make({
      adapter: memoryAdapter(),
      abandonedFetch: "finish",
      cacheTtl: () => "soon" as never,
      hooks: { onError: ({ _tag }) => Effect.sync(() => void told.push(_tag)) },
    });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const caller = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      yield* Fiber.interrupt(caller);
      yield* Effect.sleep(1_000);
    })));
    assert.deepEqual(told, ["VALIDATION_ERROR"]);
  });

  it("fetchTimeout ends it, waitUntil is told of it, and a delete refuses its fill", async () => {
    for (const how of ["timeout", "delete"] as const) {
      const simulation = simulate();
      const told: string[] = [];
      const works: Promise<void>[] = [];
      const { fetcher } = source(1_000, () => "value");
      const { stores: [store], backend } = processes(1);
      const cache = Cache.make({
        adapter: store!,
        abandonedFetch: "finish",
        ...(how === "timeout" ? { fetchTimeout: 500 } : {}),
        waitUntil: (work) => void works.push(work),
        hooks: { onError: ({ _tag }) => Effect.sync(() => void told.push(_tag)) },
      });
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const caller = yield* start(cache.getOrSet(KEY, fetcher));
        yield* Effect.sleep(100);
        yield* Fiber.interrupt(caller);
        if (how === "delete") yield* cache.delete(KEY);
        yield* Effect.sleep(2_000);
        assert.equal(yield* backend.get(KEY), undefined);
      })));
      assert.deepEqual(told, [how === "timeout" ? "FETCHER_FAILED" : "CACHE_SET_FAILED"]);
      assert.equal(works.length, 1);
      await works[0];
      assert.equal(flightsUnderWay(store!), 0);
      assert.equal(simulation.timers(), 0);
    }
  });

  it("a fetch without a lease is interrupted with its last caller all the same", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const { counter, fetcher } = source(1_000, () => "value");
    const cache = Cache.make({ adapter: backend, abandonedFetch: "finish", waitMax: 50 });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* backend.acquire(KEY, "another", 60_000);
      const caller = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      assert.equal(counter.running, 1);
      yield* Fiber.interrupt(caller);
      assert.equal(counter.running, 0);
    })));
    assert.equal(flightsUnderWay(backend), 0);
    assert.equal(simulation.timers(), 0);
  });

  it("in promises, a call that is aborted leaves the fetch to itself", async () => {
    const adapter = memoryAdapter();
    const cache = createCache({ adapter, abandonedFetch: "finish" });
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    let end!: (value: string) => void;
    const fetcher = ({ signal }: FetchContext) => {
      signals.push(signal);
      return new Promise<string>((resolve) => end = resolve);
    };
    const call = cache.getOrSet(KEY, fetcher, { signal: controller.signal });
    controller.abort("gone");
    await assert.rejects(call, (reason) => reason === "gone");
    assert.equal(signals[0]!.aborted, false);
    const later = cache.getOrSet(KEY, fetcher);
    end("value");
    assert.equal(await later, "value");
    assert.equal(signals.length, 1);
    assert.equal(await cache.get(KEY), "value");
    assert.equal(flightsUnderWay(adapter), 0);
  });

  it("holds no process, once nobody waits for it", { skip: withoutTimers }, async () => {
    for (const fetchTimeout of [undefined, "1 hour"] as const) {
      const cache = createCache({
        adapter: memoryAdapter(),
        abandonedFetch: "finish",
        fetchTimeout,
      });
      const controller = new AbortController();
      let end!: (value: string) => void;
      await holdsNoProcess(
        async () => {
          const fetcher = () => new Promise<string>((resolve) => end = resolve);
          const call = cache.getOrSet(KEY, fetcher, { signal: controller.signal });
          controller.abort("gone");
          await assert.rejects(call, (reason) => reason === "gone");
        },
        () => end("value"),
      );
    }
  });
});
