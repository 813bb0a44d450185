import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, type CallOptions } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import type { Store } from "../../src/store/store.ts";
import {
  all,
  errorOf,
  KEY,
  outcomes,
  processes,
  type ProcessesOptions,
  source,
  start,
  tagOf,
  times,
} from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const TTL = 10_000;
const plain = { cacheTtl: TTL } satisfies CallOptions<unknown>;

/** Clients in memory, and in processes that are away from the backend. */
const places = {
  "in memory": (count: number, options: ProcessesOptions = plain) => {
    const backend = memoryAdapter();
    const client = Cache.make({ ...options, adapter: backend }) as CacheClient;
    return { backend, clients: times(count, () => client), stores: [backend] };
  },
  "with push": (count: number, options: ProcessesOptions = plain) => processes(count, options),
  "without push": (count: number, options: ProcessesOptions = plain) =>
    processes(count, { ...options, poll: true }),
};

const storeFresh = (backend: Store<unknown>, value: unknown, freshFor: number | undefined = TTL) =>
  backend.set(KEY, value, { freshFor });

describe("refresh", () => {
  for (const [place, make] of Object.entries(places)) {
    it(`${place}, it fetches though the entry is fresh, and everybody else hits meanwhile`, async () => {
      for (const coalesce of [true, false]) {
        const simulation = simulate();
        const { backend, clients, stores } = make(3, { ...plain, coalesce });
        const { counter, fetcher } = source(300, () => "new");
        const [refreshed, meanwhile, after] = await simulation.run(
          Effect.gen(function* () {
            yield* storeFresh(backend, "old");
            const refreshing = yield* start(clients[0]!.refresh(KEY, fetcher));
            yield* Effect.sleep(100);
            const began = simulation.now();
            const meanwhile = yield* all(
              clients.flatMap((cache) => times(20, () => cache.getOrSet(KEY, fetcher))),
            );
            assert.ok(simulation.now() - began <= 4);
            const refreshed = yield* Fiber.join(refreshing);
            const after = yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)));
            return [refreshed, meanwhile, after] as const;
          }).pipe(Effect.scoped),
        );
        assert.deepEqual([refreshed.value, refreshed.meta.cache], ["new", "MISS-LEADER"]);
        assert.deepEqual(outcomes(meanwhile), { HIT: 60 });
        assert.ok(meanwhile.every(({ value }) => value === "old"));
        assert.ok(after.every(({ value, meta }) => value === "new" && meta.cache === "HIT"));
        assert.equal(counter.fetches, 1);
        for (const store of stores) assert.equal(flightsUnderWay(store), 0);
        assert.equal(simulation.timers(), 0);
      }
    });

    it(`${place}, refreshes in all processes at once are one fetch, whose value all have`, async () => {
      // A follower may find the lease held by another one that has just looked, and look again up to 250 ms later.
      for (const freshFor of [TTL, undefined, 1_000]) {
        const simulation = simulate();
        const { backend, clients } = make(4, { cacheTtl: freshFor ?? Infinity });
        const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
        const results = await simulation.run(Effect.gen(function* () {
          yield* storeFresh(backend, "old", freshFor);
          return yield* all(
            clients.flatMap((cache) => times(5, () => cache.refresh(KEY, fetcher))),
          );
        }));
        assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 19 });
        assert.ok(results.every(({ value }) => value === "new 1"));
        assert.equal(counter.fetches, 1);
      }
    });

    it(`${place}, it joins a fetch under way, and not one that finds the entry`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1);
      const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
      const [led, joined, hit, refreshed] = await simulation.run(Effect.gen(function* () {
        const [led, joined] = yield* all([
          cache!.getOrSet(KEY, fetcher),
          Effect.flatMap(Effect.sleep(100), () => cache!.refresh(KEY, fetcher)),
        ]);
        yield* storeFresh(backend, "old");
        const [hit, refreshed] = yield* all([
          cache!.getOrSet(KEY, fetcher),
          Effect.flatMap(Effect.sleep(1), () => cache!.refresh(KEY, fetcher)),
        ]);
        return [led!, joined!, hit!, refreshed!];
      }));
      assert.equal(led!.value, "new 1");
      assert.deepEqual([joined!.value, joined!.meta.cache], ["new 1", "MISS-FOLLOWER-HIT"]);
      assert.equal(hit!.value, "old");
      assert.equal(refreshed!.value, "new 2");
      assert.equal(counter.fetches, 2);
    });

    it(`${place}, its failure is its own error, also where a stale value could be had`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1, { ...plain, staleIfError: "1 hour" });
      const down = () => Effect.fail({ _tag: "Down" } as const);
      const errors = await simulation.run(Effect.gen(function* () {
        yield* backend.set(KEY, "old", { freshFor: TTL, staleFor: 3_600_000 });
        const fresh = yield* errorOf(cache!.refresh(KEY, down));
        const hit = yield* cache!.getOrSet(KEY, down);
        assert.deepEqual([hit.value, hit.meta.cache], ["old", "HIT"]);
        yield* Effect.sleep(TTL);
        return [fresh, yield* errorOf(cache!.refresh(KEY, down))];
      }));
      assert.deepEqual(errors.map(tagOf), [{ _tag: "Down" }, { _tag: "Down" }]);
    });

    it(`${place}, a change while it runs stays`, async () => {
      for (const change of ["delete", "set", "expire"] as const) {
        const simulation = simulate();
        const { backend, clients } = make(2, {
          ...plain,
          hooks: { onError: () => Effect.void },
        });
        const { fetcher } = source(300, () => "new");
        const refreshed = await simulation.run(
          Effect.gen(function* () {
            yield* storeFresh(backend, "old");
            const refreshing = yield* start(clients[0]!.refresh(KEY, fetcher));
            yield* Effect.sleep(100);
            if (change === "set") yield* clients[1]!.set(KEY, "set");
            else yield* clients[1]![change](KEY);
            return yield* Fiber.join(refreshing);
          }).pipe(Effect.scoped),
        );
        const left = await simulation.run(backend.get(KEY));
        assert.equal(left?.value, change === "set" ? "set" : undefined);
        assert.deepEqual([refreshed.value, refreshed.meta.cache], ["new", "MISS-LEADER-NOCACHE"]);
      }
    });

    it(`${place}, one that is left releases its lease, and the entry stays`, async () => {
      const simulation = simulate();
      const { backend, clients, stores } = make(2);
      const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
      await simulation.run(
        Effect.gen(function* () {
          yield* storeFresh(backend, "old");
          const refreshing = yield* start(clients[0]!.refresh(KEY, fetcher));
          yield* Effect.sleep(100);
          yield* Fiber.interrupt(refreshing);
          assert.equal((yield* backend.get(KEY))?.value, "old");
          const began = simulation.now();
          assert.equal((yield* clients[1]!.refresh(KEY, fetcher)).value, "new 2");
          assert.ok(simulation.now() - began < 320);
        }).pipe(Effect.scoped),
      );
      assert.equal(counter.running, 0);
      for (const store of stores) assert.equal(flightsUnderWay(store), 0);
      assert.equal(simulation.timers(), 0);
    });
  }

  for (const poll of [false, true]) {
    it(`${poll ? "without" : "with"} push, who waits for another's takes over where that brings nothing`, async () => {
      for (const freshFor of [TTL, undefined]) {
        for (const how of ["fails", "leaves"] as const) {
          // Nothing tells an entry without a time to live from another.
          if (how === "leaves" && freshFor === undefined) continue;
          const simulation = simulate();
          const { backend, clients: [one, other] } = processes(2, {
            cacheTtl: freshFor ?? Infinity,
            poll,
          });
          const { counter, fetcher } = source(
            300,
            (fetch) => fetch === 1 && how === "fails" ? Effect.fail("down") : `new ${fetch}`,
          );
          const followed = await simulation.run(
            Effect.gen(function* () {
              yield* storeFresh(backend, "old", freshFor);
              const refreshing = yield* start(Effect.exit(one!.refresh(KEY, fetcher)));
              yield* Effect.sleep(50);
              const following = yield* start(other!.refresh(KEY, fetcher));
              yield* Effect.sleep(100);
              if (how === "leaves") yield* Fiber.interrupt(refreshing);
              return yield* Fiber.join(following);
            }).pipe(Effect.scoped),
          );
          assert.deepEqual([followed.value, followed.meta.cache], ["new 2", "MISS-LEADER"]);
          assert.equal(counter.fetches, 2);
        }
      }
    });
  }

  it("a key without an entry is fetched once with those who want it", async () => {
    const simulation = simulate();
    const { clients } = processes(2, plain);
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(all([
      ...clients.map((cache) => cache.refresh(KEY, fetcher)),
      ...times(
        20,
        (at) =>
          Effect.flatMap(Effect.sleep(10 * at), () => clients[at % 2]!.getOrSet(KEY, fetcher)),
      ),
    ]));
    assert.ok(results.every(({ value }) => value === "new"));
    assert.equal(counter.fetches, 1);
  });

  it("nor is it fetched again after another process's fetch, however short its time is", async () => {
    const simulation = simulate();
    const { clients: [one, other] } = processes(2, { cacheTtl: 8 });
    const { counter, fetcher } = source(5, () => "new");
    const results = await simulation.run(
      all([
        one!.getOrSet(KEY, fetcher),
        Effect.flatMap(Effect.sleep(5), () => other!.refresh(KEY, fetcher)),
      ]),
    );
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 1 });
    assert.ok(results.every(({ value }) => value === "new"));
    assert.equal(counter.fetches, 1);
  });

  it("nor does who comes as its watch closes have what another process had fetched by then", async () => {
    const simulation = simulate();
    const { backend, stores, clients: [other] } = processes(1, plain);
    const watch = (key: string) =>
      Effect.flatMap(
        Effect.addFinalizer(() => Effect.sleep(100)),
        () => stores[0]!.watch!(key),
      );
    const one = Cache.make({
      ...plain,
      adapter: { ...processOver(backend, { latency: 2 }), watch },
    });
    const [first, second] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* storeFresh(backend, "old");
      yield* start(other!.refresh(KEY, () => Effect.as(Effect.sleep(50), "another's")));
      yield* Effect.sleep(10);
      const first = yield* start(one.refresh(KEY, () => Effect.succeed("first")));
      yield* Effect.sleep(100);
      const second = yield* one.refresh(KEY, () => Effect.succeed("second"));
      return [yield* Fiber.join(first), second] as const;
    })));
    assert.equal(first.value, "another's");
    assert.equal(second.value, "second");
  });

  it("in promises, too: others hit meanwhile, however many wait for it", async () => {
    const cache = createCache({ adapter: memoryAdapter(), cacheTtl: TTL });
    await cache.set(KEY, "old");
    let end: (value: string) => void;
    const fetching = () => new Promise<string>((resolve) => end = resolve);
    const refreshing = times(5, () => cache.refresh(KEY, fetching));
    const never = () => Promise.reject(new Error("not to be fetched"));
    for (let call = 0; call < 5; call++) assert.equal(await cache.getOrSet(KEY, never), "old");
    end!("new");
    assert.deepEqual(await Promise.all(refreshing), times(5, () => "new"));
    assert.equal(await cache.get(KEY), "new");
    const down = new Error("down");
    const failed = cache.refresh(KEY, () => Promise.reject(down));
    await assert.rejects(failed, (error) => error === down);
    assert.equal(await cache.get(KEY), "new");
  });

  it("in promises, its signal ends it", async () => {
    const cache = createCache({ adapter: memoryAdapter() });
    await cache.set(KEY, "old");
    const controller = new AbortController();
    const refreshing = cache.refresh(KEY, () => new Promise(() => {}), {
      signal: controller.signal,
    });
    controller.abort(new Error("left"));
    await assert.rejects(refreshing, /left/);
    assert.equal(await cache.get(KEY), "old");
  });

  it("what it is given is checked as for getOrSet", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: "memory" });
    const promises = createCache({ adapter: "memory" });
    const value = () => Effect.succeed(1);
    for (
      const [key, fetcher, options, message] of [
        ["", value, undefined, /non-empty string/],
        [KEY, "no function", undefined, /`fetcher`/],
        [KEY, value, { cacheTtl: -1 }, /`cacheTtl`/],
        [KEY, value, { cacheTTL: 1 }, /nearest is `cacheTtl`/],
      ] as const
    ) {
      const error = await simulation.run(
        errorOf(cache.refresh(key, fetcher as never, options as never)),
      );
      assert.equal(tagOf(error), "VALIDATION_ERROR");
      assert.match((error as Error).message, message);
      await assert.rejects(promises.refresh(key, fetcher as never, options as never), message);
    }
  });
});
