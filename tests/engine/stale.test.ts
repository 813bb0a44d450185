import { Duration, Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, type CallOptions, type FetchContext } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import type { Failure, Store } from "../../src/store/store.ts";
import { hanging } from "../support/hanging.ts";
import { holdsNoProcess, withoutTimers } from "../support/held.ts";
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

const TTL = 1_000;
const windows = { staleWhileRevalidate: 10_000, cacheTtl: TTL } satisfies CallOptions<unknown>;
const ifError = { staleIfError: 10_000, cacheTtl: TTL } satisfies CallOptions<unknown>;

/** Stores a value that has been stale for a time. */
const storeStale = (backend: Store<unknown>, value: unknown, staleFor = 100) =>
  Effect.gen(function* () {
    yield* backend.set(KEY, value, { freshFor: TTL, staleFor: 3_600_000 });
    yield* Effect.sleep(TTL + staleFor);
  });

const failing = (millis = 50) => source(millis, () => Effect.fail("down"));

/** The values and the outcomes, each once, in order. */
const kinds = (
  results: readonly { readonly value: unknown; readonly meta: { readonly cache: string } }[],
) => [...new Set(results.map(({ value, meta }) => `${value} ${meta.cache}`))].sort();

/** Clients in memory, and in processes that are away from the backend. */
const places = {
  "in memory": (count: number, options: ProcessesOptions) => {
    const backend = memoryAdapter();
    const client = Cache.make({ ...options, adapter: backend }) as CacheClient;
    return { backend, clients: times(count, () => client), stores: [] };
  },
  "with push": (count: number, options: ProcessesOptions) => processes(count, options),
  "without push": (count: number, options: ProcessesOptions) =>
    processes(count, { ...options, poll: true }),
};

describe("staleWhileRevalidate", () => {
  for (const [place, make] of Object.entries(places)) {
    it(`${place}, everybody has the stale value at once, and one of all refreshes it`, async () => {
      for (const coalesce of [true, false]) {
        const simulation = simulate();
        const { backend, clients, stores } = make(4, { ...windows, coalesce });
        const { counter, fetcher } = source(300, () => "new");
        const now = simulation.now;
        const [early, later] = await simulation.run(Effect.gen(function* () {
          yield* storeStale(backend, "old");
          const began = now();
          const early = yield* all(
            clients.flatMap((cache) => times(50, () => cache.getOrSet(KEY, fetcher))),
          );
          assert.ok(now() - began <= 4, `${now() - began} ms`);
          yield* Effect.sleep(310);
          return [early, yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)))] as const;
        }));
        assert.deepEqual(kinds(early), ["old STALE"]);
        assert.ok(early.every(({ meta }) => Duration.toMillis(meta.staleFor!) >= 100));
        assert.deepEqual(kinds(later), ["new HIT"]);
        assert.equal(counter.fetches, 1);
        if (!coalesce) continue;
        for (const { counts } of stores) {
          assert.equal(counts.get, 2);
          assert.equal(counts.acquire, 1);
        }
      }
    });

    it(`${place}, who comes while it is refreshed has the stale value at once, too`, async () => {
      const simulation = simulate();
      const { backend, clients } = make(2, windows);
      const { counter, fetcher } = source(300, () => "new");
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(
          times(70, (at) =>
            Effect.gen(function* () {
              yield* Effect.sleep(5 * at);
              const began = simulation.now();
              const { value } = yield* clients[at % 2]!.getOrSet(KEY, fetcher);
              assert.ok(simulation.now() - began <= 4);
              return value;
            })),
        );
      }));
      assert.equal(counter.fetches, 1);
      assert.equal(results.indexOf("new"), results.lastIndexOf("old") + 1);
      assert.ok(results.indexOf("new") >= 60 && results.indexOf("new") <= 63);
    });

    it(`${place}, the refresh goes on when its caller has left, and leaves nothing behind`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache], stores: [store] } = make(1, windows);
      const { counter, fetcher } = source(300, () => "new");
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        const caller = yield* start(
          Effect.flatMap(cache!.getOrSet(KEY, fetcher), () => Effect.sleep(10_000)),
        );
        yield* Effect.sleep(100);
        yield* Fiber.interrupt(caller);
        assert.equal(flightsUnderWay(store ?? backend), 1);
        yield* Effect.sleep(300);
      })));
      assert.equal(counter.fetches, 1);
      assert.deepEqual(counter.running, 0);
      assert.equal((await simulation.run(backend.get(KEY)))?.value, "new");
      assert.equal(flightsUnderWay(store ?? backend), 0);
      assert.equal(simulation.timers(), 0);
    });

    it(`${place}, who may not have it any more joins the refresh`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1, windows);
      const { counter, fetcher } = source(300, () => "new");
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old", 9_900);
        const stale = yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(150);
        const began = simulation.now();
        const joined = yield* cache!.getOrSet(KEY, fetcher);
        assert.ok(simulation.now() - began < 160);
        return [stale, joined];
      }));
      assert.deepEqual(outcomes(results), { "STALE": 1, "MISS-FOLLOWER-HIT": 1 });
      assert.deepEqual(results.map(({ value }) => value), ["old", "new"]);
      assert.equal(counter.fetches, 1);
    });

    it(`${place}, one who joined such a refresh that fails takes over`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1, { ...windows, hooks: silent });
      const { counter, fetcher } = source(
        300,
        (fetch) => fetch === 1 ? Effect.fail("down") : `new ${fetch}`,
      );
      const joined = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old", 9_900);
        yield* cache!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(150);
        return yield* all(times(3, () => cache!.getOrSet(KEY, fetcher)));
      }));
      assert.deepEqual(joined.map(({ value }) => value), times(3, () => "new 2"));
      assert.equal(counter.fetches, 2);
    });

    it(`${place}, after a failed refresh nobody tries again for the backoff, which doubles`, async () => {
      const simulation = simulate();
      const told: string[] = [];
      const hooks = { onError: onErrorTo(told) };
      const { backend, clients, stores } = make(3, {
        ...windows,
        staleWhileRevalidate: "1 hour",
        hooks,
      });
      const { counter, fetcher } = failing(10);
      const at: number[] = [];
      const counted = () => Effect.suspend(() => (at.push(simulation.now()), fetcher()));
      await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        yield* all(times(1_200, (index) =>
          Effect.gen(function* () {
            yield* Effect.sleep(100 * index);
            const { value } = yield* clients[index % clients.length]!.getOrSet(KEY, counted);
            assert.equal(value, "old");
          })));
      }));
      const gaps = at.slice(1).map((time, index) => time - at[index]!);
      gaps.slice(0, 6).forEach((gap, index) => {
        const wanted = Math.min(1_000 * 2 ** index, 30_000);
        assert.ok(gap > 0.8 * wanted && gap < 1.2 * wanted + 400, `${index}: ${gap}`);
      });
      assert.ok(counter.fetches >= 7 && counter.fetches <= 9, `${counter.fetches}`);
      assert.deepEqual(new Set(told), new Set(["FETCHER_FAILED down"]));
      assert.equal(told.length, counter.fetches);
      for (const { counts } of stores) {
        assert.ok(counts.acquire! <= 2 * counter.fetches, `${counts.acquire}`);
      }
    });

    it(`${place}, a change while it is refreshed stays: delete, set, expire`, async () => {
      for (const change of ["delete", "set", "expire"] as const) {
        const simulation = simulate();
        const { backend, clients } = make(2, { ...windows, hooks: silent });
        const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
        const [one, other] = clients;
        const after = await simulation.run(Effect.gen(function* () {
          yield* storeStale(backend, "old");
          yield* one!.getOrSet(KEY, fetcher);
          yield* Effect.sleep(100);
          if (change === "set") yield* other!.set(KEY, "set");
          else yield* other![change](KEY);
          const after = yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)));
          yield* Effect.sleep(1_500);
          return [...after, ...yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)))];
        }));
        const values = after.map(({ value }) => value);
        if (change === "set") {
          assert.deepEqual(values, ["set", "set", "set", "set"]);
          assert.equal((await simulation.run(backend.get(KEY)))?.value, "set");
        } else {
          assert.ok(change === "expire" || values.every((value) => value !== "old"), `${values}`);
          assert.equal((await simulation.run(backend.get(KEY)))?.value, "new 2");
          assert.equal(counter.fetches, 2);
        }
      }
    });
  }

  it("a process that lost the race doesn't ask again while the other's lease runs", async () => {
    const simulation = simulate();
    const { backend, clients: [one, other], stores } = processes(2, windows);
    const { counter, fetcher } = source(3_000, () => "new");
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(10);
      for (let call = 0; call < 100; call++) {
        yield* other!.getOrSet(KEY, fetcher);
        yield* Effect.sleep(20);
      }
    }));
    assert.equal(counter.fetches, 1);
    assert.equal(stores[1]!.counts.acquire, 1);
    assert.equal(stores[1]!.counts.watch, undefined);
  });

  it("nor after a refresh of its own has ended whose lease was revoked before", async () => {
    const simulation = simulate();
    const { backend, clients: [one, other], stores } = processes(2, { ...windows, hooks: silent });
    const slow = source(300, () => "revoked");
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* one!.getOrSet(KEY, slow.fetcher, { leaseTtl: 90 });
      yield* Effect.sleep(100);
      yield* other!.expire(KEY);
      // Its renewal finds that the lease was revoked.
      yield* Effect.sleep(40);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(50);
      const results = [yield* one!.getOrSet(KEY, fetcher)];
      // The fetch of its own refresh ends, while the other's goes on.
      yield* Effect.sleep(150);
      results.push(yield* one!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(10);
      return results;
    }));
    assert.deepEqual(kinds(results), ["old STALE"]);
    assert.equal(slow.counter.fetches + counter.fetches, 2);
    assert.equal(stores[0]!.counts.acquire, 2);
  });

  it("but it asks for a refresh of what has become stale since", async () => {
    const simulation = simulate();
    const { backend, clients: [one, other] } = processes(2, windows);
    const { counter, fetcher } = source(300, (fetch) => `new ${fetch}`);
    const last = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* one!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(10);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(300 + TTL + 1_000);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(310);
      return yield* other!.getOrSet(KEY, fetcher);
    }));
    assert.equal(counter.fetches, 2);
    assert.equal(last.value, "new 2");
  });

  it("what was stored is kept for as long as it may be stale, and no longer", async () => {
    const simulation = simulate();
    const { clients: [cache], backend } = processes(1, {
      cacheTtl: TTL,
      staleWhileRevalidate: 500,
      staleIfError: 2_000,
    });
    await simulation.run(Effect.gen(function* () {
      yield* cache!.getOrSet(KEY, () => Effect.succeed("value"));
      yield* Effect.sleep(TTL + 1_990);
      assert.equal((yield* backend.get(KEY))?.value, "value");
      yield* Effect.sleep(10);
      assert.equal(yield* backend.get(KEY), undefined);
      yield* cache!.set(KEY, "set");
      yield* Effect.sleep(TTL + 1_990);
      assert.equal((yield* backend.get(KEY))?.value, "set");
      yield* cache!.set(KEY, "set for ever", Infinity);
      yield* Effect.sleep(1e9);
      yield* cache!.expire(KEY);
      assert.equal((yield* backend.get(KEY))?.value, "set for ever");
      assert.ok((yield* cache!.get(KEY))._tag === "None");
    }));
  });

  it("a client without the option fetches, and joins another client's refresh", async () => {
    const simulation = simulate();
    const { backend, stores: [store], clients: [cache] } = processes(1, windows);
    const plain = Cache.make({ adapter: store!, cacheTtl: TTL });
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const stale = yield* cache!.getOrSet(KEY, fetcher);
      const joined = yield* plain.getOrSet(KEY, fetcher);
      yield* backend.expire(KEY);
      const alone = yield* plain.getOrSet(KEY, fetcher);
      return [stale, joined, alone];
    }));
    assert.deepEqual(results.map(({ value, meta }) => [value, meta.cache]), [
      ["old", "STALE"],
      ["new", "MISS-FOLLOWER-HIT"],
      ["new", "MISS-LEADER"],
    ]);
    assert.equal(counter.fetches, 2);
  });

  it("who may have a stale value doesn't wait for the fetch of one who may not", async () => {
    const simulation = simulate();
    const { backend, stores: [store], clients: [cache] } = processes(1, windows);
    const plain = Cache.make({ adapter: store!, cacheTtl: TTL });
    const { counter, fetcher } = source(300, () => "new");
    const [fresh, stale] = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      return yield* all([
        plain.getOrSet(KEY, fetcher),
        Effect.gen(function* () {
          yield* Effect.sleep(100);
          const began = simulation.now();
          const result = yield* cache!.getOrSet(KEY, fetcher);
          assert.ok(simulation.now() - began <= 4);
          return result;
        }),
      ]);
    }));
    assert.equal(fresh!.value, "new");
    assert.equal(stale!.value, "old");
    assert.equal(counter.fetches, 1);
  });

  it("a cold key is fetched once, and read once, with it", async () => {
    const simulation = simulate();
    const { stores, clients } = processes(3, windows);
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(
      all(times(90, (index) =>
        Effect.gen(function* () {
          yield* Effect.sleep(index);
          return yield* clients[index % 3]!.getOrSet(KEY, fetcher);
        }))),
    );
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 89 });
    for (const { counts } of stores) assert.equal(counts.get, 1);
  });

  it("a backend that fails behind a stale value costs no caller anything, and is reported", async () => {
    for (const onCacheFailure of ["fail", "bypass"] as const) {
      const simulation = simulate();
      const told: string[] = [];
      const backend = memoryAdapter();
      const store = processOver(backend, {
        latency: 2,
        trouble: (operation) => operation === "acquire" ? "before" : undefined,
      });
      const cache = Cache.make({
        adapter: store,
        ...windows,
        onCacheFailure,
        hooks: { onError: onErrorTo(told) },
      });
      const { counter, fetcher } = source(300, () => "new");
      await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        for (let call = 0; call < 50; call++) {
          assert.equal((yield* cache.getOrSet(KEY, fetcher)).meta.cache, "STALE");
          yield* Effect.sleep(10);
        }
      }));
      assert.equal(counter.fetches, 0);
      assert.deepEqual(told, ["LEASE_ACQUIRE_FAILED"]);
      assert.equal(store.counts.acquire, 1);
      assert.equal(flightsUnderWay(store), 0);
    }
  });

  it("waitUntil is told of the refresh, whose work ends with it", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1, { ...windows, coalesce: false });
    const { fetcher } = source(300, () => "new");
    const works: Promise<void>[] = [];
    let ended = 0;
    const waitUntil = (work: Promise<void>) => {
      works.push(work);
      work.then(() => ended = simulation.now());
    };
    const answered = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, fetcher, { waitUntil });
      const answered = simulation.now();
      assert.equal(works.length, 1);
      yield* Effect.sleep(1_000);
      return answered;
    }));
    await works[0];
    assert.ok(ended - answered >= 300 && ended - answered < 320, `${ended - answered}`);
  });

  it("onStale is told why, after which its errors are the caller's own; no other hook is", async () => {
    const simulation = simulate();
    const told: unknown[] = [];
    const hook = (name: string) => (...args: unknown[]) =>
      Effect.sync(() => void told.push([name, ...args]));
    const { backend, clients: [cache] } = processes(1, windows);
    const { fetcher } = source(300, () => "new");
    const hooks = {
      onStale: hook("onStale"),
      onHit: hook("onHit"),
      onLeader: hook("onLeader"),
      onFollowerWait: hook("onFollowerWait"),
      onOutcome: hook("onOutcome"),
    };
    const error = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, fetcher, { hooks });
      yield* Effect.sleep(1_000);
      yield* storeStale(backend, "old");
      return yield* errorOf(
        cache!.getOrSet(KEY, fetcher, { hooks: { onStale: () => Effect.fail("own") } }),
      );
    }));
    assert.equal(error, "own");
    const staleFor = Duration.millis(101);
    assert.deepEqual(told, [
      ["onStale", "old", { key: KEY, staleFor, reason: "refreshing", error: undefined }],
      ["onOutcome", { cache: "STALE", staleFor }, { key: KEY }],
    ]);
  });

  it("a refresh has a value that can't be stored: the failure is reported", async () => {
    const simulation = simulate();
    const told: string[] = [];
    const { backend, clients: [cache] } = processes(1, {
      ...windows,
      cacheTtl: () => {
        throw new Error("a bug");
      },
      hooks: { onError: onErrorTo(told) },
    });
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, () => Effect.succeed("new"));
      yield* Effect.sleep(100);
    }));
    assert.deepEqual(told, ["VALIDATION_ERROR Error: a bug"]);
  });

  it("interrupted and aborted callers leave no lease, no flight and no timer", async () => {
    const simulation = simulate({ seed: 1 });
    const { backend, clients: [cache], stores: [store] } = processes(1, windows);
    const { fetcher } = source(30, () => "new");
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      for (let call = 0; call < 1_000; call++) {
        if (call % 10 === 0) yield* storeStale(backend, "old");
        const controller = new AbortController();
        const caller = yield* start(
          Effect.exit(cache!.getOrSet(KEY, fetcher, { signal: controller.signal })),
        );
        yield* Effect.sleep(call % 5);
        if (call % 2 === 0) controller.abort();
        else yield* Fiber.interrupt(caller);
      }
      yield* Effect.sleep(1_000);
    })));
    assert.equal(flightsUnderWay(store!), 0);
    assert.equal(simulation.timers(), 0);
    await simulation.run(backend.delete(KEY));
    const next = await simulation.run(backend.acquire(KEY, "next", 1_000));
    assert.equal(next._tag, "Leader");
  });

  it("hand-written halves keep nothing stale, and work as without it", async () => {
    const simulation = simulate();
    const entries = new Map<string, unknown>();
    const { leases } = { leases: memoryAdapter() };
    const cache = Cache.make({
      adapter: {
        cache: {
          get: (key) => Effect.sync(() => entries.get(key) ?? null),
          set: (key, value) => Effect.sync(() => void entries.set(key, value)),
        },
        leases: {
          acquire: (key, owner, ttl) =>
            Effect.map(leases.acquire(key, owner, ttl), (answer) => ({
              role: answer._tag === "Leader" ? "leader" as const : "follower" as const,
              leaseUntil: 0,
            })),
          release: (key, owner) => leases.release(key, owner, "cancelled"),
        },
      },
      ...windows,
      ...ifError,
    });
    const { counter, fetcher } = source(30, () => "new");
    const results = await simulation.run(all(times(5, () => cache.getOrSet(KEY, fetcher))));
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 4 });
    assert.equal(counter.fetches, 1);
  });
});

const silent = { onError: () => Effect.void };
const onErrorTo =
  (told: string[]) => (error: { readonly _tag: string; readonly cause?: unknown }) =>
    Effect.sync(() =>
      void told.push(
        error._tag === "LEASE_ACQUIRE_FAILED" ? error._tag : `${error._tag} ${error.cause}`,
      )
    );

describe("staleIfError", () => {
  for (const [place, make] of Object.entries(places)) {
    it(`${place}, whoever waits for a fetch that fails has the stale value, and nobody takes over`, async () => {
      for (const takeovers of [0, 1, 3]) {
        const simulation = simulate();
        const { backend, clients } = make(4, { ...ifError, takeovers });
        const { counter, fetcher } = failing(300);
        const results = await simulation.run(Effect.gen(function* () {
          yield* storeStale(backend, "old");
          return yield* all(
            clients.flatMap((cache) => times(50, () => cache.getOrSet(KEY, fetcher))),
          );
        }));
        assert.deepEqual(kinds(results), ["old STALE-ERROR"]);
        assert.equal(counter.fetches, 1);
      }
    });

    it(`${place}, a fetch that succeeds is waited for`, async () => {
      const simulation = simulate();
      const { backend, clients } = make(4, ifError);
      const { counter, fetcher } = source(300, () => "new");
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(
          clients.flatMap((cache) => times(50, () => cache.getOrSet(KEY, fetcher))),
        );
      }));
      assert.deepEqual(new Set(results.map(({ value }) => value)), new Set(["new"]));
      assert.equal(counter.fetches, 1);
    });

    it(`${place}, a source that is down is asked once per backoff, by one of all`, async () => {
      const simulation = simulate();
      const { backend, clients, stores } = make(8, { ...ifError, staleIfError: 60_000 });
      const { counter, fetcher } = failing(20);
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(times(1_600, (index) =>
          Effect.gen(function* () {
            yield* Effect.sleep(index * 10_000 / 1_600);
            return yield* clients[index % 8]!.getOrSet(KEY, fetcher);
          })));
      }));
      assert.deepEqual(kinds(results), ["old STALE-ERROR"]);
      assert.ok(counter.fetches >= 3 && counter.fetches <= 6, `${counter.fetches}`);
      for (const { counts } of stores) {
        assert.ok((counts.acquire ?? 0) <= 6 * counter.fetches, `${counts.acquire}`);
      }
    });

    it(`${place}, who has no stale value has the error, and fetches as ever`, async () => {
      const simulation = simulate();
      const { clients } = make(3, ifError);
      const { counter, fetcher } = failing(20);
      const errors = await simulation.run(
        all(clients.flatMap((cache) => times(4, () => errorOf(cache.getOrSet(KEY, fetcher))))),
      );
      assert.ok(errors.every((error) => error === "down" || tagOf(error) === "FETCHER_FAILED"));
      assert.ok(counter.fetches <= (place === "without push" ? 6 : 2), `${counter.fetches}`);
      const next = source(20, () => "new");
      const result = await simulation.run(clients[0]!.getOrSet(KEY, next.fetcher));
      assert.equal(result.value, "new");
    });

    it(`${place}, what has been stale for too long is no better than the error`, async () => {
      const simulation = simulate();
      const { backend, clients: [cache] } = make(1, ifError);
      const { fetcher } = failing(200);
      const [error, stale] = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old", 9_900);
        const error = yield* errorOf(cache!.getOrSet(KEY, fetcher));
        yield* storeStale(backend, "old", 9_700);
        return [error, yield* cache!.getOrSet(KEY, fetcher)] as const;
      }));
      assert.equal(error, "down");
      assert.equal(stale.meta.cache, "STALE-ERROR");
      assert.ok(Duration.toMillis(stale.meta.staleFor!) >= 9_900);
    });
  }

  it("who has waited for waitMax has it, and doesn't fall back", async () => {
    const simulation = simulate();
    const reasons: string[] = [];
    const { backend, clients } = processes(2, {
      ...ifError,
      waitMax: 200,
      hooks: { onStale: (_, { reason }) => Effect.sync(() => void reasons.push(reason)) },
    });
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* backend.acquire(KEY, "another", 60_000);
      return yield* all(clients.flatMap((cache) => times(5, () => cache.getOrSet(KEY, fetcher))));
    }));
    assert.deepEqual(kinds(results), ["old STALE"]);
    assert.equal(counter.fetches, 0);
    assert.deepEqual(reasons, times(10, () => "slow"));
    const waited = results.map(({ meta }) => Duration.toMillis(meta.waited!));
    assert.ok(waited.every((millis) => millis >= 199 && millis <= 210), `${waited}`);
  });

  it("a value that isn't stored is none to wait for: its waiters fetch", async () => {
    const simulation = simulate();
    const { backend, clients } = processes(2, { ...ifError, shouldCache: () => false });
    const { counter, fetcher } = source(300, () => "new");
    const results = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      return yield* all(clients.flatMap((cache) => times(5, () => cache.getOrSet(KEY, fetcher))));
    }));
    assert.deepEqual(new Set(results.map(({ value }) => value)), new Set(["new"]));
    assert.equal(counter.fetches, 2);
  });

  for (const when of ["before", "after", "hang"] as const) {
    it(`a lease that can't be had, ${when}, is no error with a stale value`, async () => {
      const simulation = simulate();
      const backend = memoryAdapter();
      const store = processOver(backend, {
        trouble: (operation) => operation === "acquire" ? when : undefined,
      });
      const errors: unknown[] = [];
      const cache = Cache.make({
        adapter: store,
        ...ifError,
        hooks: {
          onStale: (_, { error }) => Effect.sync(() => void errors.push(tagOf(error))),
          onError: () => Effect.void,
        },
      });
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(
          times(5, () => cache.getOrSet(KEY, source(10, () => "new").fetcher)),
        );
      }));
      assert.deepEqual(kinds(results), ["old STALE-ERROR"]);
      assert.deepEqual(errors, times(5, () => "LEASE_ACQUIRE_FAILED"));
      assert.equal(flightsUnderWay(store), 0);
    });
  }

  it("with bypass the fetch comes first, and the stale value if that fails", async () => {
    for (const fails of [false, true]) {
      const simulation = simulate();
      const backend = memoryAdapter();
      const store = processOver(backend, {
        trouble: (operation) => operation === "acquire" ? "before" : undefined,
      });
      const cache = Cache.make({
        adapter: store,
        ...ifError,
        onCacheFailure: "bypass",
        hooks: silent,
      });
      const { fetcher } = source(10, () => fails ? Effect.fail("down") : "new");
      const results = await simulation.run(Effect.gen(function* () {
        yield* storeStale(backend, "old");
        return yield* all(times(5, () => cache.getOrSet(KEY, fetcher)));
      }));
      assert.deepEqual(kinds(results), [fails ? "old STALE-ERROR" : "new BYPASS"]);
    }
  });

  it("bugs of the caller's own are no reason for a stale value", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1, ifError);
    const fetcher = source(10, () => "new").fetcher;
    const errors = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const noEffect = yield* errorOf(cache!.getOrSet(KEY, (() => "new") as never));
      yield* backend.delete(KEY);
      yield* storeStale(backend, "old");
      const badTtl = yield* errorOf(
        cache!.getOrSet(KEY, fetcher, { cacheTtl: () => "x" as never }),
      );
      yield* backend.acquire(KEY, "another", 60_000);
      const badStrategy = yield* errorOf(
        cache!.getOrSet(KEY, fetcher, { waitStrategy: () => "x" as never }),
      );
      return [noEffect, badTtl, badStrategy].map(tagOf);
    }));
    assert.deepEqual(errors, ["VALIDATION_ERROR", "VALIDATION_ERROR", "WAIT_STRATEGY_FAILED"]);
  });

  it("a delete elsewhere ends the value for who comes after it and waits with others", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1, ifError);
    const { fetcher } = failing(300);
    const [early, late] = await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      return yield* all([
        Effect.exit(cache!.getOrSet(KEY, fetcher)),
        Effect.gen(function* () {
          yield* Effect.sleep(100);
          yield* backend.delete(KEY);
          return yield* Effect.exit(cache!.getOrSet(KEY, fetcher));
        }),
      ]);
    }));
    assert.ok(early!._tag === "Success" && early!.value.value === "old");
    assert.equal(late!._tag, "Failure");
  });

  it("a failure tells the fleet how many there were in a row; a success ends that", async () => {
    const simulation = simulate();
    const failures: (Failure | undefined)[] = [];
    const backend = memoryAdapter();
    const adapter: Store<unknown> = {
      ...backend,
      release: (key, owner, outcome, failure) => {
        failures.push(failure);
        return backend.release(key, owner, outcome, failure);
      },
    };
    let down = true;
    const fetcher = () => down ? Effect.fail("down") : Effect.succeed("new");
    const cache = Cache.make({ adapter, ...ifError, errorBackoff: 100, staleIfError: "1 hour" });
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      for (let fetch = 0; fetch < 12; fetch++) {
        yield* cache.getOrSet(KEY, fetcher);
        yield* Effect.sleep(36_001);
      }
      down = false;
      yield* cache.getOrSet(KEY, fetcher);
      down = true;
      yield* Effect.sleep(TTL);
      yield* cache.getOrSet(KEY, fetcher);
    }));
    assert.deepEqual(failures.map((failure) => failure?.failures), [
      ...times(12, (index) => index + 1),
      1,
    ]);
    failures.forEach((failure, index) => {
      const wanted = index === 12 ? 100 : Math.min(100 * 2 ** index, 30_000);
      const { quietFor } = failure!;
      assert.ok(quietFor >= 0.8 * wanted && quietFor <= 1.2 * wanted, `${index}: ${quietFor}`);
    });
  });

  it("without windows, nothing is said of failures, and nothing is kept", async () => {
    const simulation = simulate();
    const told: unknown[] = [];
    const backend = memoryAdapter();
    const adapter: Store<unknown> = {
      ...backend,
      release: (...args) => (told.push(args.slice(2)), backend.release(...args)),
      acquire: (...args) => (told.push(args[3]), backend.acquire(...args)),
      set: (...args) => (told.push(args[2]), backend.set(...args)),
    };
    const cache = Cache.make({ adapter, cacheTtl: TTL, errorBackoff: 100 });
    await simulation.run(Effect.gen(function* () {
      yield* errorOf(cache.getOrSet(KEY, () => Effect.fail("down")));
      yield* cache.set(KEY, "set");
    }));
    assert.deepEqual(told, [
      { waitedFor: undefined },
      ["failed"],
      { freshFor: TTL, staleFor: undefined },
    ]);
  });

  it("an errorBackoff of zero is none", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1, { ...ifError, errorBackoff: 0 });
    const { counter, fetcher } = failing(10);
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      for (let call = 0; call < 5; call++) yield* cache!.getOrSet(KEY, fetcher);
    }));
    assert.equal(counter.fetches, 5);
  });

  it("who comes as another's call is cancelled has it, too, and doesn't take over", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const [one, other] = [20, 2].map((latency) =>
      Cache.make({ ...ifError, adapter: processOver(backend, { latency }) })
    );
    const { counter, fetcher } = failing();
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const left = yield* start(one!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(25); // It has read, and asks for the lease.
      yield* start(Fiber.interrupt(left));
      yield* Effect.sleep(1);
      const calls = [
        one!.getOrSet(KEY, fetcher),
        Effect.flatMap(Effect.sleep(5), () => other!.getOrSet(KEY, fetcher)),
      ];
      return yield* all(calls);
    })));
    assert.deepEqual(kinds(results), ["old STALE-ERROR"]);
    assert.equal(counter.fetches, 1);
  });

  it("a fetch that is interrupted with its last caller is no failure", async () => {
    const simulation = simulate();
    const { backend, clients: [one, other] } = processes(2, ifError);
    const { counter, fetcher } = source(300, () => "new");
    const result = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      const caller = yield* start(one!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(100);
      yield* Fiber.interrupt(caller);
      return yield* other!.getOrSet(KEY, fetcher);
    })));
    assert.equal(result.value, "new");
    assert.equal(counter.fetches, 2);
  });
});

describe("in promises, freshness", () => {
  const lapse = async (cache: ReturnType<typeof createCache>, value: unknown) => {
    await cache.set(KEY, value);
    await cache.expire(KEY);
  };

  it("stale values are answered at once, and refreshed", async () => {
    const adapter = memoryAdapter();
    const told: unknown[] = [];
    const cache = createCache({
      adapter,
      ...windows,
      hooks: { onStale: (value, context) => void told.push([value, context]) },
    });
    await lapse(cache, "old");
    let end!: (value: string) => void;
    const fetcher = () => new Promise<string>((resolve) => end = resolve);
    const { value, meta } = await cache.getOrSetResult(KEY, fetcher);
    assert.equal(value, "old");
    assert.equal(meta.cache, "STALE");
    assert.ok(meta.staleFor! >= 0 && meta.staleFor! < 1_000);
    assert.deepEqual(told, [["old", {
      key: KEY,
      staleFor: meta.staleFor,
      reason: "refreshing",
      error: undefined,
    }]]);
    assert.equal(await cache.get(KEY), undefined);
    while (end === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await cache.getOrSet(KEY, fetcher), "old");
    end("new");
    while (flightsUnderWay(adapter) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await cache.getOrSet(KEY, fetcher), "new");
  });

  it("callers that are alike don't share a stale value beyond its end", async () => {
    const adapter = memoryAdapter();
    const cache = createCache({ adapter, ...windows });
    await lapse(cache, "old");
    let end: ((value: string) => void) | undefined;
    const fetcher = () => new Promise<string>((resolve) => end = resolve);
    const values = await Promise.all(times(20, () => cache.getOrSet(KEY, fetcher)));
    assert.deepEqual(new Set(values), new Set(["old"]));
    while (end === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    await cache.set(KEY, "set");
    assert.equal(await cache.getOrSet(KEY, fetcher), "set");
    end("new");
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await cache.getOrSet(KEY, fetcher), "set");
  });

  it("instead of what a fetch has thrown; a wrapped function has it, too", async () => {
    const cache = createCache({ adapter: memoryAdapter(), cacheTtl: TTL, staleIfError: 60_000 });
    const down = new Error("down");
    const told: unknown[] = [];
    const wrapped = cache.wrap(() => Promise.reject(down), {
      key: () => KEY,
      hooks: { onStale: (_, { reason, error }) => void told.push([reason, error]) },
    });
    await assert.rejects(wrapped(), (error) => error === down);
    await lapse(cache, "old");
    assert.equal(await wrapped(), "old");
    assert.deepEqual(told, [["failed", down]]);
  });
});

describe("a refresh that hangs", () => {
  it("holds no process", { skip: withoutTimers }, async () => {
    for (const fetchTimeout of [undefined, "1 hour"] as const) {
      const cache = createCache({ adapter: memoryAdapter(), ...windows, fetchTimeout });
      await cache.set(KEY, "old");
      await cache.expire(KEY);
      let end!: (value: string) => void;
      await holdsNoProcess(
        async () => {
          let began: (() => void) | undefined;
          const fetching = new Promise<void>((resolve) => began = resolve);
          const value = await cache.getOrSet(KEY, () => {
            began!();
            return new Promise<string>((resolve) => end = resolve);
          });
          assert.equal(value, "old");
          await fetching;
        },
        () => end("new"),
      );
    }
  });

  it("ends with fetchTimeout, and is told to stop", async () => {
    const simulation = simulate();
    const signals: AbortSignal[] = [];
    const fetcher = ({ signal }: FetchContext) => {
      signals.push(signal);
      return hanging as Effect.Effect<never>;
    };
    const told: string[] = [];
    const { backend, clients: [cache], stores: [store] } = processes(1, {
      ...windows,
      fetchTimeout: 500,
      hooks: { onError: ({ _tag }) => Effect.sync(() => void told.push(_tag)) },
    });
    await simulation.run(Effect.gen(function* () {
      yield* storeStale(backend, "old");
      yield* cache!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(510);
    }));
    assert.deepEqual(signals.map(({ aborted }) => aborted), [true]);
    assert.deepEqual(told, ["FETCHER_FAILED"]);
    assert.equal(flightsUnderWay(store!), 0);
    assert.equal(simulation.timers(), 0);
  });
});
