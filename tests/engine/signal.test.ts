import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, isCacheLockingError } from "../../mod.ts";
import { fakeSignal } from "../support/fake_signal.ts";
import { all, errorOf, KEY, source, start, tagOf, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

describe("signal", () => {
  it("already aborted: the call fails with ABORTED and does nothing, even for a hit", async () => {
    const simulation = simulate();
    const { signal, abort, listeners } = fakeSignal();
    abort("too late");
    const adapter = memoryAdapter();
    await simulation.run(adapter.set(KEY, "value"));
    const { counter, fetcher } = source(10, () => "value");
    for (const key of [KEY, "another"]) {
      const error = await simulation.run(
        errorOf(Cache.getOrSet({ adapter, key, fetcher, signal })),
      );
      assert.ok(isCacheLockingError(error) && error._tag === "ABORTED");
      assert.equal(error.cause, "too late");
      assert.equal(error.message, `Cannot get ${JSON.stringify(key)}: its signal was aborted`);
    }
    assert.equal(counter.fetches, 0);
    assert.equal(listeners(), 0);
  });

  for (const phase of ["reading", "acquiring", "fetching", "filling", "waiting"] as const) {
    it(`aborted while ${phase}: the call fails with ABORTED, and no lease or listener is left`, async () => {
      const simulation = simulate();
      const { signal, abort, listeners } = fakeSignal();
      const backend = memoryAdapter();
      const adapter = processOver(backend, { latency: 10 });
      const { fetcher } = source(10, () => "value");
      const at = { reading: 5, acquiring: 15, fetching: 25, filling: 33, waiting: 100 }[phase];
      const [error, acquired] = await simulation.run(Effect.scoped(Effect.gen(function* () {
        if (phase === "waiting") yield* backend.acquire(KEY, "another", 3_000);
        yield* start(Effect.flatMap(Effect.sleep(at), () => Effect.sync(() => abort())));
        const error = yield* errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher, signal }));
        assert.ok(simulation.timers() < 4);
        if (phase === "waiting") yield* Effect.sleep(3_000);
        else yield* Effect.sleep(20);
        return [error, yield* backend.acquire(KEY, "next", 1_000)] as const;
      })));
      assert.equal(tagOf(error), "ABORTED");
      // Once the value is there it is stored.
      assert.equal(acquired._tag, phase === "filling" ? "Hit" : "Leader");
      assert.equal(listeners(), 0);
      assert.equal(simulation.timers(), 0);
    });
  }

  for (const hanging of ["fetch", "release"] as const) {
    it(`aborted while an uninterruptible ${hanging} goes on: the last caller is answered at once`, async () => {
      const simulation = simulate();
      const { signal, abort, listeners } = fakeSignal();
      const backend = memoryAdapter();
      const adapter = processOver(backend, {
        trouble: (operation) => operation === hanging ? "hang" : undefined,
      });
      const fetching = hanging === "fetch"
        ? Effect.uninterruptible(Effect.sleep(30_000))
        : Effect.sleep(30_000);
      const began = simulation.now();
      const took = await simulation.run(Effect.scoped(Effect.gen(function* () {
        yield* start(Effect.flatMap(Effect.sleep(50), () => Effect.sync(() => abort())));
        const options = { adapter, key: KEY, fetcher: () => fetching, signal };
        assert.equal(tagOf(yield* errorOf(Cache.getOrSet(options))), "ABORTED");
        const took = simulation.now() - began;
        // What goes on apart lets go of the lease in the end.
        yield* Effect.sleep(60_000);
        assert.equal((yield* backend.acquire(KEY, "next", 1_000))._tag, "Leader");
        return took;
      })));
      assert.equal(took, 50);
      assert.equal(listeners(), 0);
    });
  }

  it("of many calls has one listener, and none once they are over", async () => {
    const simulation = simulate();
    const { signal, abort, listeners } = fakeSignal();
    const cache = Cache.make({ adapter: processOver(memoryAdapter(), { latency: 10 }) });
    const { fetcher } = source(100, () => "value");
    const call = (key: string) => cache.getOrSet(key, fetcher, { signal });
    const keys = times(50, String);
    const seen: number[] = [];
    const look = Effect.sync(() => void seen.push(listeners()));
    await simulation.run(all([...keys.map(call), Effect.delay(look, 50), Effect.delay(look, 300)]));
    assert.deepEqual(seen, [1, 0]);
    const later = times(50, (key) => errorOf(call(`later ${key}`)));
    const aborts = Effect.delay(Effect.sync(() => abort()), 50);
    const errors = await simulation.run(all([...later, aborts] as Effect.Effect<unknown>[]));
    assert.ok(errors.slice(0, 50).every((error) => tagOf(error) === "ABORTED"));
    assert.equal(listeners(), 0);
  });

  it("aborted after completion: nothing happens", async () => {
    const simulation = simulate();
    const { signal, abort, listeners } = fakeSignal();
    const { fetcher } = source(10, () => "value");
    const call = Cache.getOrSet({ adapter: memoryAdapter(), key: KEY, fetcher, signal });
    assert.equal((await simulation.run(call)).value, "value");
    assert.equal(listeners(), 0);
    abort();
  });

  it("aborting one caller leaves the others as they were", async () => {
    const simulation = simulate();
    const { signal, abort } = fakeSignal();
    const { counter, fetcher } = source(100, () => "value");
    const cache = Cache.make({ adapter: memoryAdapter() });
    const [aborted, other] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(Effect.flatMap(Effect.sleep(50), () => Effect.sync(() => abort())));
      return yield* all<unknown, never>([
        errorOf(cache.getOrSet(KEY, fetcher, { signal })),
        errorOf(cache.getOrSet(KEY, fetcher)),
      ]);
    })));
    assert.equal(tagOf(aborted), "ABORTED");
    assert.equal(other, undefined);
    assert.equal(counter.fetches, 1);
  });

  it("a fetch that fails is no reason to hang", async () => {
    const simulation = simulate();
    const { signal, listeners } = fakeSignal();
    const { fetcher } = source(10, () => Effect.fail("no"));
    const call = Cache.getOrSet({ adapter: memoryAdapter(), key: KEY, fetcher, signal });
    assert.equal(await simulation.run(errorOf(call)), "no");
    assert.equal(listeners(), 0);
  });

  it("a fetcher that aborts its own caller", async () => {
    const simulation = simulate();
    const { signal, abort } = fakeSignal();
    const adapter = memoryAdapter();
    const fetcher = () =>
      Effect.flatMap(Effect.sync(() => abort()), () => Effect.as(Effect.sleep(10), "value"));
    const error = await simulation.run(
      errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher, signal })),
    );
    assert.equal(tagOf(error), "ABORTED");
    const acquired = await simulation.run(Effect.delay(adapter.acquire(KEY, "next", 1_000), 20));
    assert.equal(acquired._tag, "Leader");
  });
});
