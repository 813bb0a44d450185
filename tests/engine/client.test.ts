import { Effect, Option } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, isCacheLockingError } from "../../mod.ts";
import { errorOf, KEY, source, tagOf } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

describe("a client", () => {
  it("gets, sets and deletes what getOrSet finds", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: processOver(memoryAdapter()), cacheTtl: "1 minute" });
    const found = await simulation.run(Effect.gen(function* () {
      const missing = yield* cache.get(KEY);
      yield* cache.set(KEY, "set");
      const set = yield* cache.getOrSet(KEY, () => Effect.succeed("fetched"));
      yield* cache.delete(KEY);
      const deleted = yield* cache.get<string>(KEY);
      const fetched = yield* cache.getOrSet(KEY, () => Effect.succeed("fetched"));
      yield* Effect.sleep("59 seconds");
      const fresh = yield* cache.get(KEY);
      yield* Effect.sleep("1 second");
      return {
        missing,
        set,
        deleted,
        fetched: fetched.value,
        fresh,
        expired: yield* cache.get(KEY),
      };
    }));
    assert.deepEqual(found, {
      missing: Option.none(),
      set: { value: "set", meta: { cache: "HIT" } },
      deleted: Option.none(),
      fetched: "fetched",
      fresh: Option.some("fetched"),
      expired: Option.none(),
    });
  });

  it("expires what is there: it is no hit any more, and what is to be kept stays, stale", async () => {
    for (const open of [memoryAdapter, () => processOver(memoryAdapter())]) {
      const simulation = simulate();
      const adapter = open();
      const cache = Cache.make({ adapter });
      const { counter, fetcher } = source(10, (fetch) => `fetch ${fetch}`);
      await simulation.run(Effect.gen(function* () {
        yield* cache.expire("missing");
        yield* cache.set("plain", "set");
        yield* adapter.set("kept", "set", { freshFor: 60_000, staleFor: 60_000 });
        for (const key of ["plain", "kept"]) {
          assert.deepEqual(yield* cache.get(key), Option.some("set"));
          yield* cache.expire(key);
          assert.deepEqual(yield* cache.get(key), Option.none());
        }
        assert.equal(yield* adapter.get("plain"), undefined);
        assert.equal((yield* adapter.get("kept"))?.value, "set");
        assert.equal((yield* cache.getOrSet("kept", fetcher)).meta.cache, "MISS-LEADER");
        assert.deepEqual(yield* cache.get("kept"), Option.some("fetch 1"));
      }));
      assert.equal(counter.fetches, 1);
    }
  });

  it("sets for its cacheTtl, or for the ttl that is given; zero removes", async () => {
    const simulation = simulate();
    const cache = Cache.make({
      adapter: memoryAdapter(),
      cacheTtl: (value) => value === "short" ? 100 : "1 hour",
    });
    await simulation.run(Effect.gen(function* () {
      yield* cache.set("short", "short");
      yield* cache.set("long", "long");
      yield* cache.set("given", "short", "1 day");
      yield* cache.set("zero", "long");
      yield* cache.set("zero", "long", 0);
      yield* Effect.sleep(100);
      assert.deepEqual(yield* cache.get("short"), Option.none());
      assert.deepEqual(yield* cache.get("long"), Option.some("long"));
      assert.deepEqual(yield* cache.get("given"), Option.some("short"));
      assert.deepEqual(yield* cache.get("zero"), Option.none());
    }));
  });

  it("overrides belong to one call, and undefined overrides nothing", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: memoryAdapter(), cacheTtl: 100 });
    const { counter, fetcher } = source(0, (fetch) => fetch);
    await simulation.run(Effect.gen(function* () {
      yield* cache.getOrSet(KEY, fetcher, { cacheTtl: 0 });
      yield* cache.getOrSet(KEY, fetcher, { cacheTtl: undefined });
      yield* Effect.sleep(99);
      assert.equal((yield* cache.getOrSet(KEY, fetcher)).meta.cache, "HIT");
      yield* Effect.sleep(1);
      yield* cache.getOrSet(KEY, fetcher);
    }));
    assert.equal(counter.fetches, 3);
  });

  it("fails with the phase's error where the backend fails", async () => {
    const simulation = simulate();
    const cache = Cache.make({
      adapter: processOver(memoryAdapter(), { trouble: () => "before" }),
    });
    const errors = await simulation.run(
      Effect.all([
        errorOf(cache.get(KEY)),
        errorOf(cache.set(KEY, 1)),
        errorOf(cache.expire(KEY)),
        errorOf(cache.delete(KEY)),
      ]),
    );
    assert.deepEqual(errors.map(tagOf), [
      "CACHE_GET_FAILED",
      "CACHE_SET_FAILED",
      "CACHE_SET_FAILED",
      "CACHE_SET_FAILED",
    ]);
    assert.deepEqual(
      errors.map((error) => isCacheLockingError(error) && error.context.phase),
      ["get", "set", "expire", "delete"],
    );
  });

  it("isn't made with bad defaults: that throws a VALIDATION_ERROR", () => {
    assert.throws(() => Cache.make({ adapter: "memory", leaseTtl: -1 }), (error) => {
      assert.ok(isCacheLockingError(error) && error._tag === "VALIDATION_ERROR");
      assert.match(error.message, /^Cannot use the option `leaseTtl`: .*, and is -1$/);
      return true;
    });
  });

  it("is the same cache as another client's, and as getOrSet's, over the same adapter", async () => {
    const simulation = simulate();
    const adapter = { type: "memory", options: { maxEntries: 10 } } as const;
    const { counter, fetcher } = source(10, () => "value");
    await simulation.run(Effect.all([
      Cache.make({ adapter }).getOrSet(KEY, fetcher),
      Cache.make({ adapter }).getOrSet(KEY, fetcher),
      Cache.getOrSet({ adapter, key: KEY, fetcher }),
    ], { concurrency: "unbounded" }));
    assert.equal(counter.fetches, 1);
    await simulation.run(Cache.getOrSet({ adapter: { ...adapter }, key: KEY, fetcher }));
    assert.equal(counter.fetches, 2);
  });
});
