import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheLockingError, type FetchContext } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { hanging } from "../support/hanging.ts";
import {
  all,
  errorOf,
  KEY,
  outcomes,
  processes,
  source,
  start,
  tagOf,
  times,
} from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const silent = { onError: () => Effect.void };

/** Fetches, the first of which go on until they are interrupted, or for good. */
function hung({ first = Infinity, deaf = false, then = 10 } = {}) {
  const signals: AbortSignal[] = [];
  const interrupted: number[] = [];
  const fetcher = ({ signal }: FetchContext) =>
    Effect.suspend((): Effect.Effect<string> => {
      const fetch = signals.push(signal);
      if (fetch > first) return Effect.as(Effect.sleep(then), `value ${fetch}`);
      const hangs = Effect.onInterrupt(
        hanging as Effect.Effect<never>,
        () => Effect.sync(() => void interrupted.push(fetch)),
      );
      return deaf ? Effect.uninterruptible(hangs) : hangs;
    });
  return { signals, interrupted, fetcher };
}

describe("fetchTimeout", () => {
  for (const deaf of [false, true]) {
    const kind = deaf ? "that can't be interrupted" : "that hangs";

    it(`a fetch ${kind} has failed then: its caller is told, and nothing of it is left`, async () => {
      const simulation = simulate();
      const { signals, interrupted, fetcher } = hung({ deaf });
      const { clients: [cache], stores: [store], backend } = processes(1, {
        fetchTimeout: "3 seconds",
      });
      const began = simulation.now();
      const error = await simulation.run(
        errorOf(cache!.getOrSet(KEY, fetcher)),
      ) as CacheLockingError;
      assert.equal(simulation.now() - began, 2 + 2 + 3_000 + 2);
      assert.equal(error._tag, "FETCHER_FAILED");
      assert.equal(
        error.message,
        `Cannot run the fetcher for "${KEY}": it did not end within \`fetchTimeout\`, 3000 ms`,
      );
      assert.deepEqual(error.context, { key: KEY, phase: "fetch" });
      assert.deepEqual(interrupted, deaf ? [] : [1]);
      assert.equal(signals.length, 1);
      assert.ok(signals[0]!.aborted);
      assert.equal(signals[0]!.reason, error);
      assert.equal(flightsUnderWay(store!), 0);
      assert.equal(simulation.timers(), 0);
      const next = await simulation.run(backend.acquire(KEY, "next", 1_000));
      assert.equal(next._tag, "Leader");
    });

    it(`a fetch ${kind} counts as failed: one takes over, here or in another process`, async () => {
      for (const takeovers of [0, 1, 2]) {
        const simulation = simulate();
        const { signals, fetcher } = hung({ deaf });
        const { clients } = processes(5, { fetchTimeout: 50, takeovers });
        const began = simulation.now();
        const errors = await simulation.run(
          all(clients.flatMap((cache) => times(4, () => errorOf(cache.getOrSet(KEY, fetcher))))),
        );
        assert.deepEqual(errors.map(tagOf), times(20, () => "FETCHER_FAILED"));
        assert.equal(signals.length, 1 + takeovers);
        const took = simulation.now() - began;
        assert.ok(took < (1 + takeovers) * 100, `${took} ms`);
      }
    });

    it(`a fetch ${kind} is replaced by one that doesn't`, async () => {
      const simulation = simulate();
      const { fetcher } = hung({ deaf, first: 1 });
      const { clients } = processes(3, { fetchTimeout: 50 });
      const results = await simulation.run(
        all(clients.flatMap((cache) => times(2, () => Effect.exit(cache.getOrSet(KEY, fetcher))))),
      );
      assert.deepEqual(
        results.map((exit) => exit._tag === "Success" ? exit.value.value : "failed").sort(),
        ["failed", ...times(5, () => "value 2")],
      );
    });

    it(`callers that leave a fetch ${kind} leave no lease and no timer`, async () => {
      const simulation = simulate();
      const { fetcher, interrupted } = hung({ deaf });
      const { clients: [cache], stores: [store], backend } = processes(1, { fetchTimeout: 1_000 });
      const began = simulation.now();
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const caller = yield* start(cache!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(100);
        yield* Fiber.interrupt(caller);
      })));
      assert.equal(simulation.now() - began, deaf ? 2 + 2 + 1_000 + 2 : 100 + 2);
      assert.deepEqual(interrupted, deaf ? [] : [1]);
      assert.equal(flightsUnderWay(store!), 0);
      assert.equal(simulation.timers(), 0);
      const next = await simulation.run(backend.acquire(KEY, "next", 1_000));
      assert.ok(next._tag === "Leader" && next.after === undefined);
    });
  }

  it("a value that comes too late is neither handed out nor stored, and isn't told of", async () => {
    const simulation = simulate();
    const told: string[] = [];
    const { backend, stores: [store] } = processes(1);
    const cache = Cache.make({
      adapter: store!,
      fetchTimeout: 100,
      hooks: { onError: (error) => Effect.sync(() => void told.push(error._tag)) },
    });
    const late = () => Effect.uninterruptible(Effect.as(Effect.sleep(150), "late"));
    const found = await simulation.run(Effect.gen(function* () {
      const error = yield* errorOf(cache.getOrSet(KEY, late));
      assert.equal(tagOf(error), "FETCHER_FAILED");
      yield* Effect.sleep(1_000);
      return yield* backend.get(KEY);
    }));
    assert.equal(found, undefined);
    assert.deepEqual(told, []);
    assert.deepEqual(store!.operations, ["get", "acquire", "release"]);
  });

  it("an error that comes too late is nobody's", async () => {
    const simulation = simulate();
    const late = () =>
      Effect.uninterruptible(Effect.flatMap(Effect.sleep(150), () => Effect.fail("late")));
    const cache = Cache.make({ adapter: memoryAdapter(), fetchTimeout: 100 });
    const errors = await simulation.run(
      all(times(2, () => errorOf(cache.getOrSet(KEY, late)))),
    );
    assert.deepEqual(errors.map(tagOf), ["FETCHER_FAILED", "FETCHER_FAILED"]);
    await simulation.run(Effect.sleep(1_000));
  });

  it("a fetch that is in time is as without it, and leaves no timer", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(99, () => "value");
    const cache = Cache.make({ adapter: memoryAdapter(), fetchTimeout: 100 });
    const results = await simulation.run(all(times(3, () => cache.getOrSet(KEY, fetcher))));
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 2 });
    assert.equal(simulation.timers(), 0);
    const failing = source(50, () => Effect.fail("own"));
    const error = await simulation.run(errorOf(cache.getOrSet("other", failing.fetcher)));
    assert.equal(error, "own");
    assert.equal(simulation.timers(), 0);
  });

  it("says when a signal is read that has fired before", async () => {
    const simulation = simulate();
    let late: AbortSignal | undefined;
    const fetcher = (context: FetchContext) =>
      Effect.uninterruptible(
        Effect.map(Effect.sleep(200), () => void (late = context.signal)),
      );
    const cache = Cache.make({ adapter: memoryAdapter(), fetchTimeout: 100 });
    const error = await simulation.run(errorOf(cache.getOrSet(KEY, fetcher)));
    await simulation.run(Effect.sleep(1_000));
    assert.ok(late!.aborted);
    assert.equal(late!.reason, error);
  });

  it("longer than 5 minutes: the lease is renewed, and the fetch is waited for, until then", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(9 * 60_000, () => "value");
    const { clients } = processes(2, { fetchTimeout: "10 minutes", waitMax: "1 hour" });
    const results = await simulation.run(
      all(clients.flatMap((cache) => times(2, () => cache.getOrSet(KEY, fetcher)))),
    );
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 3 });
  });

  it("those who joined wait until then, whatever waitMax says, and then one takes over", async () => {
    const simulation = simulate();
    const { signals, fetcher } = hung({ first: 1 });
    const cache = Cache.make({
      adapter: memoryAdapter(),
      waitMax: "1 second",
      fetchTimeout: "20 seconds",
    });
    const began = simulation.now();
    const results = await simulation.run(
      all(times(100, () => Effect.exit(cache.getOrSet(KEY, fetcher)))),
    );
    assert.equal(signals.length, 2);
    assert.equal(results.filter(({ _tag }) => _tag === "Failure").length, 1);
    assert.equal(simulation.now() - began, 20_010);
  });

  for (const by of ["fallback", "bypass"] as const) {
    it(`ends a ${by}, too`, async () => {
      const simulation = simulate();
      const { signals, fetcher } = hung();
      const backend = memoryAdapter();
      const cache = Cache.make({
        adapter: processOver(backend, {
          trouble: (operation) => by === "bypass" && operation === "get" ? "before" : undefined,
        }),
        ...(by === "fallback" ? { waitMax: 100 } : {}),
        fetchTimeout: 1_000,
        onCacheFailure: "bypass",
        hooks: silent,
      });
      const began = simulation.now();
      const errors = await simulation.run(Effect.gen(function* () {
        if (by === "fallback") yield* backend.acquire(KEY, "another", 60_000);
        return yield* all(times(5, () => errorOf(cache.getOrSet(KEY, fetcher))));
      }));
      assert.deepEqual(errors.map(tagOf), times(5, () => "FETCHER_FAILED"));
      assert.equal(signals.length, 2);
      assert.equal(simulation.now() - began, 2_000 + (by === "fallback" ? 100 : 0));
    });
  }

  it("is an option of a call, too", async () => {
    const simulation = simulate();
    const { fetcher } = hung();
    const cache = Cache.make({ adapter: memoryAdapter(), fetchTimeout: "1 hour" });
    const began = simulation.now();
    await simulation.run(errorOf(cache.getOrSet(KEY, fetcher, { fetchTimeout: 50 })));
    assert.equal(simulation.now() - began, 50);
  });

  it("a fetcher that aborts its caller as its signal fires", async () => {
    const simulation = simulate();
    const controller = new AbortController();
    const fetcher = ({ signal }: FetchContext) => {
      signal.addEventListener("abort", () => controller.abort("too slow"), { once: true });
      return hanging as Effect.Effect<never>;
    };
    const { clients: [cache], stores: [store], backend } = processes(1, { fetchTimeout: 100 });
    const error = await simulation.run(
      errorOf(cache!.getOrSet(KEY, fetcher, { signal: controller.signal })),
    );
    assert.equal(tagOf(error), "ABORTED");
    await simulation.run(Effect.sleep(100));
    assert.equal(flightsUnderWay(store!), 0);
    assert.equal(simulation.timers(), 0);
    const next = await simulation.run(backend.acquire(KEY, "next", 1_000));
    assert.equal(next._tag, "Leader");
  });

  it("in promises: the call is rejected, the signal fires, and the late value is dropped", async () => {
    const adapter = memoryAdapter();
    const cache = createCache({ adapter, fetchTimeout: 20 });
    const signals: AbortSignal[] = [];
    let end!: (value: string) => void;
    const fetcher = ({ signal }: FetchContext) => {
      signals.push(signal);
      return new Promise<string>((resolve) => end = resolve);
    };
    const error = await cache.getOrSet(KEY, fetcher).then(
      () => assert.fail("It isn't rejected"),
      (error: CacheLockingError) => error,
    );
    assert.equal(error._tag, "FETCHER_FAILED");
    assert.match(error.message, /^Cannot run the fetcher for "user:42": .* `fetchTimeout`, 20 ms$/);
    assert.deepEqual(signals.map(({ aborted, reason }) => [aborted, reason]), [[true, error]]);
    end("late");
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await cache.getEntry(KEY), undefined);
    assert.equal(flightsUnderWay(adapter), 0);
    assert.equal(await cache.getOrSet(KEY, () => "next"), "next");
  });

  it("in promises, of a wrapped function and of one call", async () => {
    const cache = createCache({ adapter: memoryAdapter() });
    const never = () => new Promise<string>(() => {});
    const wrapped = cache.wrap(never, { key: () => KEY, fetchTimeout: 10 });
    const failed = (call: Promise<unknown>) =>
      assert.rejects(call, (error: CacheLockingError) => error._tag === "FETCHER_FAILED");
    await failed(wrapped());
    await failed(cache.getOrSet(KEY, never, { fetchTimeout: "10 millis" }));
  });
});
