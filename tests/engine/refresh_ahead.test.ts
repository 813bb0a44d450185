import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, type CallOptions } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import {
  all,
  KEY,
  outcomes,
  processes,
  type ProcessesOptions,
  source,
  times,
} from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate, type Simulation } from "../support/simulation.ts";

const TTL = 10_000;
const ahead = { cacheTtl: TTL, refreshAhead: 0.8 } satisfies CallOptions<unknown>;
const silent = { onError: () => Effect.void };

/** Clients in memory, and in processes that are away from the backend. */
const places = {
  "in memory": (count: number, options: ProcessesOptions = ahead) => {
    const backend = memoryAdapter();
    const client = Cache.make({ ...options, adapter: backend }) as CacheClient;
    return { backend, clients: times(count, () => client), stores: [] };
  },
  "away": (count: number, options: ProcessesOptions = ahead) => processes(count, options),
};

/** Calls every few milliseconds, by one client after the other. */
const load = (
  { now }: Simulation,
  clients: readonly CacheClient[],
  fetcher: () => Effect.Effect<unknown, unknown>,
  { every, until }: { readonly every: number; readonly until: number },
) =>
  Effect.gen(function* () {
    const results = [];
    const end = now() + until;
    for (let index = 0; now() < end; index++) {
      results.push(yield* clients[index % clients.length]!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(every);
    }
    return results;
  });

describe("refreshAhead", () => {
  for (const [place, make] of Object.entries(places)) {
    it(`${place}, after a part of the time one of all refreshes, and everybody hits all the time`, async () => {
      for (const coalesce of [true, false]) {
        const simulation = simulate();
        const { backend, clients, stores } = make(4, { ...ahead, coalesce });
        const at: number[] = [];
        const { counter, fetcher } = source(300, (fetch) => {
          at.push(simulation.now() - began - 300);
          return `new ${fetch}`;
        });
        const began = simulation.now();
        const results = await simulation.run(Effect.gen(function* () {
          yield* clients[0]!.getOrSet(KEY, fetcher);
          return yield* load(simulation, clients, fetcher, { every: 20, until: 3.5 * TTL });
        }));
        assert.deepEqual(outcomes(results), { HIT: results.length });
        // The first call after eight seconds of each life refreshes.
        assert.equal(counter.fetches, 5);
        at.slice(1).forEach((time, index) => {
          const life = time - at[index]! - 300;
          assert.ok(life >= 0.8 * TTL - 5 && life < 0.8 * TTL + 100, `${life}`);
        });
        for (const { counts } of stores) {
          assert.ok(counts.acquire! <= 5, `${counts.acquire} acquires`);
          assert.equal(counts.watch, undefined);
        }
        const last = await simulation.run(backend.get(KEY, true));
        assert.ok(last!.took! >= 300 && last!.took! < 310);
      }
    });

    it(`${place}, with beta chance decides, earlier by a larger one and where fetches take longer`, async () => {
      const early = async (beta: number, takes: number) => {
        const simulation = simulate({ seed: 1 });
        const random = Math.random;
        Math.random = simulation.random;
        try {
          const { clients } = make(4, { cacheTtl: TTL, refreshAhead: { beta } });
          const lives: number[] = [];
          let filled: number | undefined;
          const { fetcher } = source(takes, () => {
            const now = simulation.now();
            if (filled !== undefined) lives.push(now - takes - filled);
            filled = now;
            return "new";
          });
          await simulation.run(Effect.gen(function* () {
            yield* clients[0]!.getOrSet(KEY, fetcher);
            const results = yield* load(simulation, clients, fetcher, {
              every: 20,
              until: 20 * TTL,
            });
            // Some refreshes begin too late by chance: those who come as the entry has ended join them.
            assert.ok(outcomes(results).HIT! > 0.98 * results.length);
          }));
          return lives.reduce((sum, life) => sum + TTL - life, 0) / lives.length;
        } finally {
          Math.random = random;
        }
      };
      const [small, large, slow] = [await early(1, 100), await early(4, 100), await early(1, 400)];
      assert.ok(small > 200 && small < 1_000, `${small}`);
      assert.ok(large > 2 * small && slow > 2 * small, `${small}, ${large}, ${slow}`);
    });

    it(`${place}, who finds that the entry has ended joins the refresh`, async () => {
      const simulation = simulate();
      const { clients: [cache] } = make(1);
      const { counter, fetcher } = source(3_000, (fetch) => `new ${fetch}`);
      const results = await simulation.run(Effect.gen(function* () {
        yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(9_000);
        const hit = yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(1_500);
        const joined = yield* all(times(5, () => cache!.getOrSet(KEY, fetcher)));
        return [hit, ...joined];
      }));
      assert.deepEqual(outcomes(results), { HIT: 1, "MISS-FOLLOWER-HIT": 5 });
      assert.equal(results.at(-1)!.value, "new 2");
      assert.equal(counter.fetches, 2);
    });

    it(`${place}, a failed refresh fails nobody, and is tried again after errorBackoff`, async () => {
      const simulation = simulate();
      const told: string[] = [];
      const { clients } = make(3, {
        ...ahead,
        hooks: { onError: ({ _tag }) => Effect.sync(() => told.push(_tag)) },
      });
      const { counter, fetcher } = source(
        10,
        (fetch) => fetch === 1 ? "old" : Effect.fail("down"),
      );
      const results = await simulation.run(Effect.gen(function* () {
        yield* clients[0]!.getOrSet(KEY, fetcher);
        return yield* load(simulation, clients, fetcher, { every: 10, until: TTL - 200 });
      }));
      assert.deepEqual(outcomes(results), { HIT: results.length });
      // One second, then two, of the last two.
      assert.ok(counter.fetches >= 2 && counter.fetches <= 4, `${counter.fetches}`);
      assert.deepEqual(told, times(counter.fetches - 1, () => "FETCHER_FAILED"));
    });

    it(`${place}, a change while it is refreshed stays`, async () => {
      for (const change of ["delete", "set", "expire"] as const) {
        const simulation = simulate();
        const { backend, clients } = make(2, { ...ahead, hooks: silent });
        const { fetcher } = source(300, (fetch) => `new ${fetch}`);
        await simulation.run(Effect.gen(function* () {
          yield* clients[0]!.getOrSet(KEY, fetcher);
          yield* Effect.sleep(9_000);
          yield* clients[0]!.getOrSet(KEY, fetcher);
          yield* Effect.sleep(100);
          if (change === "set") yield* clients[1]!.set(KEY, "set");
          else yield* clients[1]![change](KEY);
          yield* Effect.sleep(1_000);
        }));
        const left = await simulation.run(backend.get(KEY));
        assert.equal(left?.value, change === "set" ? "set" : undefined);
      }
    });

    it(`${place}, the refresh goes on when its caller has left, and leaves nothing behind`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache], stores: [store] } = make(1);
      const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
      await simulation.run(Effect.gen(function* () {
        yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(9_000);
        yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(100);
        assert.equal(flightsUnderWay(store ?? backend), 1);
        yield* Effect.sleep(400);
        assert.equal((yield* backend.get(KEY))?.value, "new 2");
      }));
      assert.equal(counter.running, 0);
      assert.equal(flightsUnderWay(store ?? backend), 0);
      assert.equal(simulation.timers(), 0);
    });

    it(`${place}, what was set is refreshed ahead, too, and what has no end is not`, async () => {
      const simulation = simulate();
      const { clients: [cache] } = make(1);
      const { counter, fetcher } = source(10, () => "new");
      await simulation.run(Effect.gen(function* () {
        yield* cache!.set(KEY, "set");
        yield* Effect.sleep(9_000);
        assert.equal((yield* cache!.getOrSet(KEY, fetcher)).value, "set");
        yield* Effect.sleep(100);
        assert.equal((yield* cache!.getOrSet(KEY, fetcher)).value, "new");
        yield* cache!.set(KEY, "for ever", Infinity);
        yield* Effect.sleep(1e9);
        assert.equal((yield* cache!.getOrSet(KEY, fetcher)).value, "for ever");
        yield* Effect.sleep(100);
      }));
      assert.equal(counter.fetches, 1);
    });
  }

  it("the part is one of what `cacheTtl` says of the value", async () => {
    const simulation = simulate();
    const { clients: [cache] } = processes(1, {
      cacheTtl: (value) => value === "short" ? 1_000 : TTL,
      refreshAhead: 0.5,
    });
    const { counter, fetcher } = source(10, (fetch) => fetch === 1 ? "short" : "long");
    await simulation.run(Effect.gen(function* () {
      const call = cache!.getOrSet(KEY, fetcher);
      yield* call;
      yield* Effect.sleep(450);
      yield* call;
      yield* Effect.sleep(100);
      assert.equal(counter.fetches, 1);
      yield* call;
      yield* Effect.sleep(100);
      assert.equal(counter.fetches, 2);
      yield* Effect.sleep(4_000);
      yield* call;
      yield* Effect.sleep(100);
      assert.equal(counter.fetches, 2);
    }));
  });

  it("a process that lost the race doesn't ask again, and does for the next entry", async () => {
    const simulation = simulate();
    const { backend, clients: [one, other], stores } = processes(2, ahead);
    const { counter, fetcher } = source(1_000, (fetch) => `new ${fetch}`);
    await simulation.run(Effect.gen(function* () {
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(8_100);
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(50);
      for (let call = 0; call < 20; call++) {
        yield* other!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(40);
      }
      assert.equal(stores[1]!.counts.acquire, 1);
      yield* Effect.sleep(200);
      // The other's lease would last on for as long as it is known here.
      yield* backend.set(KEY, "set", { freshFor: 3_000, took: 1 });
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(100);
      assert.equal(stores[1]!.counts.acquire, 1);
      yield* backend.set(KEY, "set", { freshFor: TTL, took: 1 });
      yield* Effect.sleep(8_500);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(1_100);
      assert.equal(stores[1]!.counts.acquire, 2);
    }));
    assert.equal(counter.fetches, 3);
  });

  it("who asks for the lease when another has refreshed what it has read refreshes nothing", async () => {
    const simulation = simulate();
    const { backend, stores: [store], clients: [one] } = processes(1, ahead);
    const slow = Cache.make({ adapter: processOver(backend, { latency: 500 }), ...ahead });
    const { counter, fetcher } = source(10, (fetch) => `new ${fetch}`);
    await simulation.run(Effect.gen(function* () {
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(8_500);
      yield* all([
        slow.getOrSet(KEY, fetcher),
        Effect.flatMap(Effect.sleep(600), () => one!.getOrSet(KEY, fetcher)),
      ]);
      yield* Effect.sleep(3_000);
    }));
    assert.equal(store!.counts.acquire, 2);
    assert.equal(counter.fetches, 2);
    assert.equal((await simulation.run(backend.get(KEY)))?.value, "new 2");
  });

  it("nor does it keep quiet of the new entry, however soon that ends", async () => {
    const simulation = simulate();
    const options = { refreshAhead: 0.8, cacheTtl: 500, staleWhileRevalidate: 60_000 } as const;
    const { backend, clients: [one] } = processes(1, options);
    const slow = Cache.make({ adapter: processOver(backend, { latency: 50 }), ...options });
    const { counter, fetcher } = source(1, (fetch) => `new ${fetch}`);
    await simulation.run(Effect.gen(function* () {
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(450);
      // It asks when the other has refreshed, and finds that.
      yield* all([
        slow.getOrSet(KEY, fetcher),
        Effect.flatMap(Effect.sleep(60), () => one!.getOrSet(KEY, fetcher)),
      ]);
      yield* Effect.sleep(600);
      assert.equal(counter.fetches, 2);
      const { meta } = yield* slow.getOrSet(KEY, fetcher);
      assert.equal(meta.cache, "STALE");
      yield* Effect.sleep(200);
    }));
    assert.equal(counter.fetches, 3);
    assert.equal((await simulation.run(backend.get(KEY)))?.value, "new 3");
  });

  it("without it an entry is stored as ever, and read as ever", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1, { cacheTtl: TTL });
    await simulation.run(Effect.gen(function* () {
      yield* cache!.getOrSet(KEY, () => Effect.succeed("value"));
      assert.equal((yield* backend.get(KEY, true))!.took, undefined);
      yield* cache!.set(KEY, "value");
      assert.equal((yield* backend.get(KEY, true))!.took, undefined);
    }));
  });

  it("in promises, too, in memory", async () => {
    const cache = createCache({
      adapter: memoryAdapter(),
      cacheTtl: "1 hour",
      refreshAhead: 0.001,
    });
    let fetches = 0;
    const fetcher = () => Promise.resolve(++fetches);
    await cache.set(KEY, "old", "59 minutes");
    assert.equal(await cache.getOrSet(KEY, fetcher), "old");
    while (await cache.get(KEY) === "old") await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await cache.getOrSet(KEY, fetcher), 1);
    assert.equal(fetches, 1);
  });
});
