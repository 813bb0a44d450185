import { Effect, Fiber, type Tracer } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, type FetchContext, type Store } from "../../mod.ts";
import { CacheLockingError, createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { all, errorOf, KEY, processes, source, start, tagOf } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const closed = (cache: CacheClient, store: Store<unknown>) =>
  Effect.map(cache.close(), () => assert.equal(flightsUnderWay(store), 0));

describe("close", () => {
  it("calls under way fail at once, the fetch is interrupted, and its lease is released", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(60_000, () => "value");
    const { clients: [cache, next], stores: [store], backend } = processes(2);
    const signals: AbortSignal[] = [];
    const leading = ({ signal }: FetchContext) => {
      signals.push(signal);
      return fetcher();
    };
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const calls = all(
        [1, 2, 3].map(() => Effect.map(errorOf(cache!.getOrSet(KEY, leading)), tagOf)),
      );
      const callers = yield* start(calls);
      yield* Effect.sleep(100);
      const following = yield* start(next!.getOrSet(KEY, () => Effect.succeed("next")));
      yield* Effect.sleep(100);
      const before = simulation.now();
      yield* closed(cache!, store!);
      assert.deepEqual(yield* Fiber.join(callers), ["CLOSED", "CLOSED", "CLOSED"]);
      assert.ok(simulation.now() - before <= 4, "One round trip, for the release");
      assert.equal(counter.running, 0);
      assert.ok(signals.every(({ aborted }) => aborted));
      const followed = yield* Fiber.join(following);
      assert.deepEqual([followed.value, followed.meta.cache], ["next", "MISS-LEADER"]);
      assert.ok(simulation.now() - before <= 20, "The next is pushed, and leads");
      assert.equal((yield* backend.get(KEY))?.value, "next");
    })));
    assert.equal(simulation.timers(), 0);
  });

  it("every method fails afterwards, and nothing is asked of the backend", async () => {
    const simulation = simulate();
    const { clients: [cache], stores: [store] } = processes(1, { staleWhileRevalidate: 1_000 });
    await simulation.run(Effect.gen(function* () {
      const { getOrSet, refresh, get, set, expire } = cache!;
      const fetcher = () => Effect.die("It must not be called");
      yield* set(KEY, "value");
      yield* cache!.close();
      const before = store!.operations.length;
      for (
        const call of [
          getOrSet(KEY, fetcher),
          getOrSet(KEY, fetcher, { waitMax: 1 }),
          refresh(KEY, fetcher),
          get(KEY),
          set(KEY, 1),
          set(KEY, 1, 0),
          expire(KEY),
          cache!.delete(KEY),
        ]
      ) {
        const error = yield* errorOf(call as Effect.Effect<unknown, Error & { context: unknown }>);
        assert.equal(tagOf(error), "CLOSED");
        assert.deepEqual(error!.context, { key: KEY, phase: "close" });
        assert.equal(error!.message, 'Cannot use "user:42": the client is closed');
      }
      assert.equal(store!.operations.length, before);
      assert.equal(cache!.stats().hits, 0);
    }));
  });

  it("hits in memory fail, too", async () => {
    const adapter = memoryAdapter();
    const cache = Cache.make({ adapter });
    const plain = createCache({ adapter });
    await plain.set(KEY, "value");
    await Effect.runPromise(cache.close());
    await plain.close();
    const fetcher = () => Effect.succeed("fetched");
    assert.equal(tagOf(await Effect.runPromise(errorOf(cache.getOrSet(KEY, fetcher)))), "CLOSED");
    const isClosed = (error: unknown) =>
      error instanceof CacheLockingError && error.code === "CLOSED";
    const calls = [
      () => plain.getOrSet(KEY, () => "fetched"),
      () => plain.getOrSetResult(KEY, () => "fetched"),
      () => plain.refresh(KEY, () => "fetched"),
      () => plain.get(KEY),
      () => plain.getEntry(KEY),
      () => plain.set(KEY, 1),
      () => plain.expire(KEY),
      () => plain.delete(KEY),
      () => plain.wrap((key: string) => key, { key: (key) => key })(KEY),
    ];
    for (const call of calls) await assert.rejects(call(), isClosed);
    assert.equal(await createCache({ adapter }).get(KEY), "value");
  });

  it("another client of the store goes on: who waited for this one's fetch fetches itself", async () => {
    const simulation = simulate();
    const { fetcher } = source(1_000, () => "never");
    const adapter = processOver(memoryAdapter(), { latency: 2 });
    const [one, other] = [1, 2].map(() => Cache.make({ adapter }));
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leading = yield* start(errorOf(one!.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(100);
      const joined = yield* start(other!.getOrSet(KEY, () => Effect.succeed("own")));
      yield* Effect.sleep(100);
      yield* one!.close();
      assert.equal(tagOf(yield* Fiber.join(leading)), "CLOSED");
      assert.equal((yield* Fiber.join(joined)).value, "own");
    })));
  });

  it("who waits for another client's fetch fails at once, and leaves it as it is", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(1_000, () => "value");
    const adapter = processOver(memoryAdapter(), { latency: 2 });
    const [one, other] = [1, 2].map(() => Cache.make({ adapter }));
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leading = yield* start(other!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      const joined = yield* start(errorOf(one!.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(100);
      const before = simulation.now();
      yield* one!.close();
      assert.equal(tagOf(yield* Fiber.join(joined)), "CLOSED");
      assert.equal(simulation.now(), before);
      assert.equal((yield* Fiber.join(leading)).meta.cache, "MISS-LEADER");
    })));
    assert.equal(counter.fetches, 1);
  });

  it("another client of the store refreshes what this one was refreshing", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(1_000, () => "never");
    const adapter = processOver(memoryAdapter(), { latency: 2 });
    const [one, other] = [1, 2].map(() =>
      Cache.make({ adapter, cacheTtl: 10, staleWhileRevalidate: 10_000 })
    );
    await simulation.run(Effect.gen(function* () {
      yield* one!.set(KEY, "old");
      yield* Effect.sleep(50);
      assert.equal((yield* one!.getOrSet(KEY, fetcher)).value, "old");
      yield* Effect.sleep(50);
      assert.equal(counter.running, 1);
      yield* one!.close();
      const refreshing = other!.getOrSet(KEY, () => Effect.succeed("new"));
      assert.equal((yield* refreshing).value, "old");
      yield* Effect.sleep(9);
      assert.equal((yield* refreshing).value, "new");
    }));
  });

  it("who follows another process fails at once, and leaves no watch", async () => {
    const simulation = simulate();
    const { fetcher } = source(1_000, () => "value");
    const { clients: [leader, cache], stores: [, store] } = processes(2);
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leading = yield* start(leader!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      const following = yield* start(errorOf(cache!.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(100);
      const before = simulation.now();
      yield* closed(cache!, store!);
      assert.ok(simulation.now() - before <= 4);
      assert.equal(tagOf(yield* Fiber.join(following)), "CLOSED");
      yield* Fiber.join(leading);
    })));
    assert.equal(simulation.timers(), 0);
  });

  it("a refresh and an abandoned fetch in the background are stopped", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(1_000, () => "value");
    const { clients: [cache], stores: [store], backend } = processes(1, {
      cacheTtl: 10,
      staleWhileRevalidate: 10_000,
      abandonedFetch: "finish",
    });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* cache!.set(KEY, "old");
      yield* Effect.sleep(50);
      assert.equal((yield* cache!.getOrSet(KEY, fetcher)).value, "old");
      const caller = yield* start(cache!.getOrSet("abandoned", fetcher));
      yield* Effect.sleep(50);
      yield* Fiber.interrupt(caller);
      assert.equal(counter.running, 2);
      yield* closed(cache!, store!);
      assert.equal(counter.running, 0);
      for (const key of [KEY, "abandoned"]) {
        assert.equal((yield* backend.acquire(key, "next", 1_000))._tag, "Leader");
      }
    })));
    assert.equal(simulation.timers(), 0);
  });

  it("a value that is being stored is stored and handed out", async () => {
    const simulation = simulate();
    const { fetcher } = source(10, () => "value");
    const backend = memoryAdapter();
    const adapter = processOver(backend, { latency: 100 });
    const cache = Cache.make({ adapter });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const calling = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(250); // A read, an acquire and the fetch take 210 ms.
      yield* closed(cache, adapter);
      assert.equal((yield* Fiber.join(calling)).value, "value");
      assert.equal((yield* backend.get(KEY))?.value, "value");
    })));
  });

  it("a set under way is done", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const cache = Cache.make({ adapter: processOver(backend, { latency: 100 }) });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const setting = yield* start(cache.set(KEY, "value"));
      yield* Effect.sleep(10);
      yield* cache.close();
      assert.equal((yield* backend.get(KEY))?.value, "value");
      yield* Fiber.join(setting);
    })));
  });

  it("isn't held up by a fetch that can't be interrupted, whose value is dropped", async () => {
    const simulation = simulate();
    const { clients: [cache], stores: [store], backend } = processes(1);
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const deaf = () => Effect.uninterruptible(Effect.as(Effect.sleep(60_000), "late"));
      const calling = yield* start(errorOf(cache!.getOrSet(KEY, deaf)));
      yield* Effect.sleep(100);
      const before = simulation.now();
      yield* closed(cache!, store!);
      assert.equal(tagOf(yield* Fiber.join(calling)), "CLOSED");
      assert.ok(simulation.now() - before <= 4);
      assert.equal((yield* backend.acquire(KEY, "next", 120_000))._tag, "Leader");
      yield* Effect.sleep(70_000);
      assert.equal(yield* backend.get(KEY), undefined);
    })));
  });

  it("ends after operationTimeout where the backend hangs, and no call waits for that", async () => {
    const simulation = simulate();
    let isHanging = false;
    const adapter = processOver(memoryAdapter(), {
      latency: 2,
      trouble: () => isHanging ? "hang" : undefined,
    });
    const { fetcher } = source(60_000, () => "value");
    const told: string[] = [];
    const cache = Cache.make({
      adapter,
      operationTimeout: 1_000,
      hooks: { onError: ({ _tag }) => Effect.sync(() => void told.push(_tag)) },
    });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leading = yield* start(errorOf(cache.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(100);
      isHanging = true;
      const reading = yield* start(errorOf(cache.getOrSet("other", fetcher)));
      yield* Effect.sleep(100);
      const before = simulation.now();
      const closing = yield* start(cache.close());
      for (const call of [leading, reading]) {
        assert.equal(tagOf(yield* Fiber.join(call)), "CLOSED");
      }
      assert.equal(simulation.now(), before);
      yield* Fiber.join(closing);
      assert.equal(simulation.now() - before, 1_000);
      yield* Effect.sleep(1);
      assert.deepEqual(told, ["LEASE_RELEASE_FAILED"]);
    })));
  });

  it("once more, it waits for the same end, or ends at once", async () => {
    const simulation = simulate();
    const { clients: [cache], stores: [store] } = processes(1);
    const { fetcher } = source(1_000, () => "value");
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(errorOf(cache!.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(100);
      const first = yield* start(cache!.close());
      yield* Effect.sleep(1);
      yield* Fiber.interrupt(first);
      yield* closed(cache!, store!);
      const before = simulation.now();
      yield* cache!.close();
      assert.equal(simulation.now(), before);
      assert.equal(store!.counts.release, 1);
    })));
  });

  it("is a finalizer of a scope, and what `await using` runs", async () => {
    const adapter = memoryAdapter();
    const cache = Cache.make({ adapter });
    const tag = await Effect.runPromise(Effect.gen(function* () {
      const calling = yield* Effect.scoped(Effect.gen(function* () {
        yield* Effect.addFinalizer(() => cache.close());
        return Effect.runFork(errorOf(cache.getOrSet(KEY, () => Effect.never)));
      }));
      return tagOf(yield* Fiber.join(calling));
    }));
    assert.equal(tag, "CLOSED");
    const caches = [Cache.make({ adapter }), createCache({ adapter })] as const;
    for (const cache of caches) await cache[Symbol.asyncDispose]();
    assert.equal(tagOf(await Effect.runPromise(errorOf(caches[0].get(KEY)))), "CLOSED");
    await assert.rejects(caches[1].get(KEY), { code: "CLOSED" });
  });

  it("promises: callers that share a promise are rejected, and the fetch's signal fires", async () => {
    const cache = createCache({ adapter: memoryAdapter() });
    let signal: AbortSignal | undefined;
    const calls = Array.from({ length: 10 }, () =>
      cache.getOrSet(KEY, (context) => {
        signal = context.signal;
        return new Promise<string>(() => {});
      }));
    const ended = Promise.allSettled(calls);
    await cache.close();
    for (const result of await ended) {
      assert.equal(result.status, "rejected");
      assert.equal((result.reason as { code?: string }).code, "CLOSED");
    }
    assert.ok(signal!.aborted);
  });

  it("between a read and the span of the call, the call fails, too", async () => {
    for (let seed = 0; seed < 150; seed++) {
      const simulation = simulate({ seed });
      const { clients: [cache], stores: [store] } = processes(1);
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const tracer = Object.create(yield* Effect.tracer) as Tracer.Tracer;
        const calling = errorOf(cache!.getOrSet(KEY, () => Effect.never));
        const called = yield* start(Effect.withTracer(calling, tracer));
        yield* Effect.sleep(2); // The read is answered in this moment.
        yield* closed(cache!, store!);
        assert.equal(tagOf(yield* Fiber.join(called)), "CLOSED");
      })));
    }
  });
});
