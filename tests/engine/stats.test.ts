import { Duration, Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, CacheOutcome, type CacheStats } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { all, errorOf, KEY, processes, source, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";
import { until } from "../support/until.ts";

const none: CacheStats = {
  hits: 0,
  l1Hits: 0,
  leaders: 0,
  followers: 0,
  fallbacks: 0,
  bypasses: 0,
  stale: 0,
  refreshes: 0,
  failedFetches: 0,
  takeovers: 0,
  refusedFills: 0,
  lostLeases: 0,
  waited: 0,
};

const run = <A, E>(effect: Effect.Effect<A, E>) => simulate().run(effect);

/** What clients have counted together, but for the time. */
const counted = (...clients: readonly CacheClient[]) => {
  const sums: Record<string, number> = {};
  for (const client of clients) {
    for (const [name, count] of Object.entries(client.stats())) {
      if (name !== "waited" && count > 0) sums[name] = (sums[name] ?? 0) + count;
    }
  }
  return sums;
};

describe("stats", () => {
  it("are zero at first, and a copy that stays as it is", async () => {
    const cache = Cache.make({ adapter: memoryAdapter() });
    const before = cache.stats();
    assert.deepEqual(before, none);
    await run(cache.getOrSet(KEY, () => Effect.succeed(1)));
    await run(cache.getOrSet(KEY, () => Effect.succeed(1), { takeovers: 3 }));
    assert.deepEqual(before, none);
    assert.deepEqual(cache.stats(), { ...none, leaders: 1, hits: 1 });
    assert.deepEqual(Cache.make({ adapter: memoryAdapter() }).stats(), none);
  });

  it("tell what each caller of two processes was told, and how long they waited", async () => {
    const { clients } = processes(2);
    const { fetcher } = source(300, () => "value");
    const { fetcher: unstored } = source(100, () => "value");
    const results = await run(Effect.gen(function* () {
      const calls = (key: string, fetch = fetcher, options = {}) =>
        all(clients.flatMap((cache) => times(20, () => cache.getOrSet(key, fetch, options))));
      const cold = yield* calls("cold");
      const warm = yield* calls("cold");
      const uncached = yield* calls("uncached", unstored, { shouldCache: () => false });
      const impatient = yield* calls("impatient", fetcher, { waitMax: 50 });
      return [...cold, ...warm, ...uncached, ...impatient];
    }));
    const told = (...names: CacheOutcome[]) =>
      results.filter(({ meta }) => names.includes(meta.cache)).length;
    const stats = clients.map((client) => client.stats());
    const sum = (name: Exclude<keyof CacheStats, "name">) =>
      stats.reduce((all, each) => all + each[name], 0);
    const { HIT, MISS_LEADER, MISS_LEADER_NOCACHE, MISS_FOLLOWER_HIT, MISS_FOLLOWER_FALLBACK } =
      CacheOutcome;
    assert.equal(sum("hits"), told(HIT));
    assert.equal(sum("leaders"), told(MISS_LEADER, MISS_LEADER_NOCACHE));
    assert.equal(sum("followers"), told(MISS_FOLLOWER_HIT));
    assert.equal(sum("fallbacks"), told(MISS_FOLLOWER_FALLBACK));
    for (const name of ["hits", "leaders", "followers", "fallbacks"] as const) {
      assert.ok(sum(name) > 0, name);
    }
    const waited = results.reduce(
      (all, { meta }) => all + (meta.waited === undefined ? 0 : Duration.toMillis(meta.waited)),
      0,
    );
    assert.ok(waited > 1000);
    assert.equal(sum("waited"), waited);
  });

  it("tell of failed fetches, and of takeovers in other processes and the same", async () => {
    const { clients } = processes(2);
    const down = () => Effect.delay(Effect.fail("down"), 100);
    await run(all(clients.map((cache) => errorOf(cache.getOrSet(KEY, down)))));
    assert.deepEqual(counted(...clients), { failedFetches: 2, takeovers: 1 });

    const cache = Cache.make({ adapter: memoryAdapter() });
    await run(all(times(2, () => errorOf(cache.getOrSet(KEY, down)))));
    assert.deepEqual(counted(cache), { failedFetches: 2, takeovers: 1 });
    await run(errorOf(cache.getOrSet(KEY, () => Effect.never, { fetchTimeout: 100 })));
    assert.deepEqual(counted(cache), { failedFetches: 3, takeovers: 1 });
  });

  it("tell of refused fills, and of leases that were lost", async () => {
    const { clients: [cache, other] } = processes(2, { hooks: { onError: () => Effect.void } });
    const { fetcher } = source(300, () => "value");
    const fetchAndDelete = (options = {}) =>
      run(Effect.all([
        cache!.getOrSet(KEY, fetcher, options),
        Effect.delay(other!.delete(KEY), 100),
      ], { concurrency: "unbounded" }));
    await fetchAndDelete();
    assert.deepEqual(counted(cache!), { leaders: 1, refusedFills: 1 });
    await fetchAndDelete({ leaseTtl: 150 });
    assert.deepEqual(counted(cache!), { leaders: 2, refusedFills: 2, lostLeases: 1 });
  });

  it("tell of stale values, and of refreshes in the background", async () => {
    const { backend, clients: [cache] } = processes(1);
    const windows = { staleWhileRevalidate: "1 minute" } as const;
    const { fetcher } = source(100, () => "new");
    await run(Effect.gen(function* () {
      yield* backend.set(KEY, "old", { freshFor: 100, staleFor: 60_000 });
      yield* Effect.sleep(200);
      yield* all(times(5, () => cache!.getOrSet(KEY, fetcher, windows)));
      yield* Effect.sleep(200);
      yield* cache!.getOrSet(KEY, fetcher, windows);
    }));
    assert.deepEqual(counted(cache!), { stale: 5, refreshes: 1, hits: 1 });
  });

  it("tell of bypasses", async () => {
    const adapter = processOver(memoryAdapter(), { trouble: () => "before" });
    const cache = Cache.make({
      adapter,
      onCacheFailure: "bypass",
      hooks: { onError: () => Effect.void },
    });
    await run(all(times(3, () => cache.getOrSet(KEY, () => Effect.succeed(1)))));
    assert.deepEqual(counted(cache), { bypasses: 3 });
  });

  it("add up in promises, also where many callers share one", async () => {
    for (const adapter of [memoryAdapter(), processOver(memoryAdapter())]) {
      const cache = createCache({ adapter });
      let end!: (value: string) => void;
      const fetch = () => new Promise<string>((resolve) => end = resolve);
      const calls = () => Promise.all(times(50, () => cache.getOrSet(KEY, fetch)));
      const first = calls();
      const meta = Promise.all(times(50, () => cache.getOrSetResult(KEY, fetch)));
      const last = calls();
      await until(() => end !== undefined);
      end("value");
      const [results] = await Promise.all([meta, first, last]);
      await calls();
      const { waited, ...stats } = cache.stats();
      assert.deepEqual({ ...stats, waited: 0 }, { ...none, leaders: 1, followers: 149, hits: 50 });
      const some = results.reduce((all, { meta }) => all + (meta.waited ?? 0), 0);
      assert.ok(waited >= some, `${waited} of at least ${some}`);
    }
  });
});
