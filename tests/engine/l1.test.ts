import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeStore } from "../../adapters/kit/store.ts";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  Cache,
  type CallOptions,
  type Codec,
  type DurationInput,
  isCacheLockingError,
  type L1Options,
  type Store,
} from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { jsonCodec } from "../../src/store/codec.ts";
import { leasesHalf } from "../../src/store/leases_half.ts";
import { l1Store } from "../../src/store/l1.ts";
import type { L1Settings } from "../../src/store/store.ts";
import { lazyStore } from "../../src/store/lazy_store.ts";
import { mapBackend } from "../adapters/kit/map_store.ts";
import { all, KEY, source, times } from "../support/herd.ts";
import { processOver, type ProcessStore, type Trouble } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const MINUTE = 60_000;
const roomy = { ttl: MINUTE, maxEntries: 100, maxBytes: 1000, copy: false };

/** A process's store over a shared backend, in virtual time, with an L1. */
function world(settings: Partial<L1Settings> = {}, trouble: Trouble = { latency: 10 }) {
  const simulation = simulate();
  const backend = memoryAdapter();
  const withL1 = (remote: ProcessStore) =>
    l1Store(remote, { ...roomy, ...settings }, { monotonic: simulation.now });
  const [here, there] = [processOver(backend, trouble), processOver(backend, trouble)];
  return { ...simulation, backend, remote: here, here: withL1(here), there: withL1(there) };
}

type Options = CallOptions<unknown> & { readonly l1?: boolean | L1Options<DurationInput> };

const clientOf = (adapter: Store<unknown>, options: Options = {}) =>
  Cache.make({ adapter, cacheTtl: MINUTE, ...options });

const fetcher = () => Effect.succeed("fetched" as unknown);

/** The store, whose reads take so long to answer once they are done, the first ones of these times. */
function answering(store: Store<unknown>, times: number[]): Store<unknown> {
  return {
    ...store,
    get: (key, aged) =>
      Effect.flatMap(
        store.get(key, aged),
        (entry) => Effect.as(Effect.sleep(times.shift() ?? 0), entry),
      ),
  };
}

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.scope, (scope) => Effect.forkIn(effect, scope));

/** A kit's store over a Map, and how many times it was read. */
function kit(codec?: Codec, held?: Parameters<typeof mapBackend>[0]) {
  const reads = { count: 0 };
  const backend = mapBackend(held);
  const store = makeStore({
    name: "map",
    backend: {
      ...backend,
      read: (...asked) => (reads.count++, backend.read(...asked)),
    },
    nameOf: (key) => key,
    codec,
  });
  return { store, reads };
}

describe("an L1", () => {
  it("answers without the backend, in the same step, and says so", async () => {
    const { store, reads } = kit();
    const cache = clientOf(store, { l1: true });
    const get = cache.getOrSet(KEY, fetcher);
    const results = [];
    for (let call = 0; call < 3; call++) results.push(await Effect.runPromise(get));
    results.push(Effect.runSync(get));
    assert.deepEqual(results.map(({ value, meta }) => [value, meta.cache, meta.tier]), [
      ["fetched", "MISS-LEADER", undefined],
      ["fetched", "HIT", undefined],
      ["fetched", "HIT", "l1"],
      ["fetched", "HIT", "l1"],
    ]);
    assert.equal(reads.count, 2);
    assert.equal(results[2]!.value, results[3]!.value);
    const { leaders, hits, l1Hits } = cache.stats();
    assert.deepEqual({ leaders, hits, l1Hits }, { leaders: 1, hits: 3, l1Hits: 2 });
  });

  it("does so in promises, where clients of one store share it", async () => {
    const { store, reads } = kit();
    const [one, other] = times(2, () => createCache({ adapter: store, l1: { ttl: "1 minute" } }));
    const outcomes: unknown[] = [];
    const hooks = {
      onHit: () => void outcomes.push("onHit"),
      onOutcome: ({ cache, tier }: { cache: string; tier?: string | undefined }) =>
        void outcomes.push([cache, tier]),
    };
    await one!.set(KEY, { deep: true }, MINUTE);
    const value = await one!.getOrSet(KEY, () => ({ deep: false }));
    assert.equal(await one!.get(KEY), value);
    assert.equal(await other!.getOrSet(KEY, () => ({ deep: false })), value);
    assert.deepEqual(await other!.getEntry(KEY), { value });
    const { meta } = await other!.getOrSetResult(KEY, () => 0, { hooks });
    assert.deepEqual(meta, { cache: "HIT", tier: "l1" });
    assert.deepEqual(outcomes, ["onHit", ["HIT", "l1"]]);
    assert.equal(reads.count, 1);
    const stats = other!.stats();
    assert.deepEqual([stats.hits, stats.l1Hits], [2, 2]);
    await one!.close();
    await assert.rejects(one!.get(KEY), { code: "CLOSED" });
    await assert.rejects(one!.getOrSet(KEY, () => 0), { code: "CLOSED" });
    assert.equal(await other!.get(KEY), value);
  });

  it("answers nothing older than its time, counted from when the read began", async () => {
    const { run, backend, here, remote } = world({ ttl: 1000 });
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      yield* backend.set(KEY, 1);
      const answers = [];
      for (let at = 0; at < 3000; at += 100) {
        const { value, meta } = yield* cache.getOrSet(KEY, fetcher);
        answers.push([value, meta.tier]);
        // Changed by another as soon as it was read.
        if (at === 0) yield* backend.set(KEY, 2);
        yield* Effect.sleep(100 - (meta.tier === undefined ? 10 : 0));
      }
      assert.deepEqual(answers.slice(0, 11), [[1, undefined], ...Array(9).fill([1, "l1"]), [
        2,
        undefined,
      ]]);
      assert.equal(remote.counts.get, 3);
    }));
  });

  it("answers nothing that isn't fresh any more, by what the backend said, or never was", async () => {
    const { run, backend, here } = world();
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      yield* backend.set(KEY, "old", { freshFor: 500, staleFor: MINUTE, took: 1 });
      yield* cache.get(KEY);
      yield* Effect.sleep(470);
      assert.equal(here.peek!(KEY, 0)?.value, "old");
      yield* Effect.sleep(20);
      assert.equal(here.peek!(KEY, 10)?.value, undefined);
      yield* cache.get(KEY);
      assert.equal(here.peek!(KEY, 20), undefined);
    }));
  });

  it("counts its time though the wall clock is set", async () => {
    const { run, backend, here, skew } = world({ ttl: 1000 });
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      yield* backend.set(KEY, 1);
      const tier = Effect.map(cache.getOrSet(KEY, fetcher), ({ meta }) => meta.tier);
      yield* tier;
      for (const jump of [3_600_000, -7_200_000, -2, 2]) {
        skew(jump);
        assert.equal(yield* tier, "l1", `${jump}`);
      }
      yield* Effect.sleep(1000);
      skew(-1000);
      // Within 5 ms the wall clock is believed.
      yield* Effect.sleep(6);
      assert.equal(yield* tier, undefined);
    }));
  });

  it("isn't filled by a read that was under way when this process changed the key", async () => {
    for (const how of ["set", "delete", "expire", "refresh"] as const) {
      const { run, backend, remote, now } = world();
      const here = l1Store(answering(remote, [500]), roomy, { monotonic: now });
      await run(Effect.scoped(Effect.gen(function* () {
        const cache = clientOf(here, { coalesce: false });
        yield* backend.set(KEY, "old");
        const reading = yield* fork(cache.getOrSet(KEY, fetcher));
        yield* Effect.sleep(50);
        if (how === "set") yield* cache.set(KEY, "new");
        else if (how === "refresh") yield* cache.refresh(KEY, () => Effect.succeed("new"));
        else yield* cache[how](KEY);
        assert.equal((yield* Fiber.join(reading)).value, "old");
        assert.equal(here.peek!(KEY, 0), undefined, how);
      })));
    }
  });

  it("keeps what was read by the read that began last, whichever is answered last", async () => {
    for (const then of ["new", undefined]) {
      const { run, backend, remote, now } = world({ maxEntries: 1 });
      const here = l1Store(answering(remote, [500, 10]), roomy, { monotonic: now });
      await run(Effect.scoped(Effect.gen(function* () {
        yield* backend.set(KEY, "old");
        const first = yield* fork(here.get(KEY));
        yield* Effect.sleep(50);
        if (then === undefined) yield* backend.delete(KEY);
        else yield* backend.set(KEY, then);
        assert.equal((yield* here.get(KEY))?.value, then);
        assert.equal((yield* Fiber.join(first))?.value, "old");
        assert.equal(here.peek!(KEY, 0)?.value, then);
      })));
    }
  });

  it("drops an entry that a read no longer finds", async () => {
    const { run, backend, here } = world();
    await run(Effect.gen(function* () {
      yield* backend.set(KEY, "old");
      yield* here.get(KEY);
      yield* backend.delete(KEY);
      yield* here.acquire(KEY, "me", MINUTE);
      assert.equal(here.peek!(KEY, 0), undefined);
    }));
  });

  it("lets a process see its own changes, failed ones as well, and those of its other clients", async () => {
    let trouble: "after" | undefined;
    const { run, here } = world({}, {
      latency: 10,
      trouble: (name) => name === "set" ? trouble : undefined,
    });
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      yield* cache.set(KEY, "old");
      yield* cache.get(KEY);
      trouble = "after";
      yield* Effect.flip(cache.set(KEY, "new"));
      const { value, meta } = yield* cache.getOrSet(KEY, fetcher);
      assert.deepEqual([value, meta.tier], ["new", undefined]);
    }));
    const { store } = kit();
    const [plain, kept, coded] = [{}, { l1: true }, { l1: { copy: true }, codec: { ...jsonCodec } }]
      .map((options) => clientOf(store, options));
    for (const changed of [plain!, kept!, coded!]) {
      for (const change of [changed.delete(KEY), changed.set(KEY, { new: true })]) {
        await Effect.runPromise(plain!.set(KEY, "old"));
        for (const each of [kept!, coded!]) {
          await Effect.runPromise(each.get(KEY));
          assert.equal(Effect.runSync(each.getOrSet(KEY, fetcher)).meta.tier, "l1");
        }
        await Effect.runPromise(change);
        for (const each of [kept!, coded!]) {
          const entry = await Effect.runPromise(each.get(KEY));
          assert.notEqual((entry as { readonly value?: unknown }).value, "old");
        }
      }
    }
  });

  it("answers nothing older than what a refresh of another process has brought to this one", async () => {
    const { run, here, there } = world();
    const [cache, other] = [clientOf(here), clientOf(there)];
    await run(Effect.scoped(Effect.gen(function* () {
      yield* other.set(KEY, "old");
      yield* cache.get(KEY);
      yield* fork(other.refresh(KEY, () => Effect.as(Effect.sleep(500), "new")));
      yield* Effect.sleep(100);
      const refreshed = yield* cache.refresh(KEY, fetcher);
      assert.deepEqual([refreshed.value, refreshed.meta.cache], ["new", "MISS-FOLLOWER-HIT"]);
      const { value, meta } = yield* cache.getOrSet(KEY, fetcher);
      assert.deepEqual([value, meta.tier], ["new", undefined]);
    })));
  });

  it("keeps answering for its time while the backend is down", async () => {
    let down = false;
    const { run, here } = world({ ttl: 1000 }, { trouble: () => down ? "before" : undefined });
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      yield* cache.set(KEY, "value");
      yield* cache.get(KEY);
      down = true;
      assert.equal((yield* cache.getOrSet(KEY, fetcher)).value, "value");
      yield* Effect.sleep(1000);
      const error = yield* Effect.flip(cache.getOrSet(KEY, fetcher));
      assert.ok(isCacheLockingError(error) && error._tag === "CACHE_GET_FAILED");
    }));
  });

  it("asks for what is missing alone, in calls for many keys", async () => {
    const { run, here, remote } = world();
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      const keys = times(6, (index) => `${KEY}:${index}`);
      yield* cache.setMany(keys.slice(0, 4).map((key) => [key, key]));
      yield* cache.getMany(keys.slice(0, 2));
      const before = remote.counts.get!;
      const fetched: string[] = [];
      const results = yield* cache.getOrSetMany(keys, ({ keys }) =>
        Effect.sync(() => {
          fetched.push(...keys);
          return new Map(keys.map((key) => [key, key]));
        }));
      assert.equal(remote.counts.get! - before, 4);
      assert.deepEqual(fetched, keys.slice(4));
      const tiers = yield* Effect.forEach(results.values(), (exit) => exit);
      assert.deepEqual(tiers.map(({ meta }) => meta.tier), [
        "l1",
        "l1",
        ...Array(4).fill(undefined),
      ]);
    }));
  });

  it("keeps what was read for many keys in one request, and what was acquired", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const asked: string[][] = [];
    const one = processOver(backend, { latency: 10 });
    const here = l1Store(
      {
        ...one,
        getMany: (all) => {
          asked.push(all.map(([key]) => key));
          return Effect.forEach(all, ([key, aged]) => one.get(key, aged));
        },
        acquireMany: (all) => Effect.forEach(all, (each) => one.acquire(...each)),
      },
      roomy,
      { monotonic: simulation.now },
    );
    await simulation.run(Effect.gen(function* () {
      const cache = clientOf(here);
      const keys = times(4, (index) => `${KEY}:${index}`);
      for (const key of keys) yield* backend.set(key, key);
      const found = yield* cache.getMany(keys);
      assert.deepEqual([...found.keys()], keys);
      assert.deepEqual(asked, [keys]);
      const values = yield* cache.getOrSetAll(keys, () => Effect.succeed(new Map()));
      assert.deepEqual([...values.keys()], keys);
      assert.equal(asked.length, 1);
      assert.equal(cache.stats().l1Hits, 4);
      yield* cache.deleteMany(keys);
      for (const key of keys) yield* backend.set(key, "new");
      yield* here.acquireMany!(keys.map((key) => [key, "me", MINUTE]));
      assert.deepEqual(keys.map((key) => here.peek!(key, 0)?.value), Array(4).fill("new"));
    }));
  });

  it("has an entry refreshed before its end that only lives in L1s, by one process of all", async () => {
    for (const refreshAhead of [0.8, { beta: 8 }]) {
      const { run, backend, here, there, remote, now } = world({ ttl: MINUTE });
      await run(Effect.gen(function* () {
        const { counter, fetcher } = source(100, (fetch) => `value ${fetch}`);
        const clients = [here, there].map((store) =>
          clientOf(store, { cacheTtl: 10_000, refreshAhead })
        );
        const began = now();
        let hits = 0;
        const tiers = { l1: 0, store: 0 };
        while (now() - began < 35_000) {
          for (const client of clients) {
            const { meta } = yield* client.getOrSet(KEY, fetcher);
            if (meta.cache === "HIT") hits++;
            tiers[meta.tier ?? "store"]++;
          }
          yield* Effect.sleep(50);
        }
        assert.ok(counter.fetches >= 3 && counter.fetches <= 12, `${counter.fetches} fetches`);
        const calls = tiers.l1 + tiers.store;
        assert.equal(hits, calls - 1);
        assert.ok(tiers.store < calls / 20, JSON.stringify(tiers));
        assert.ok(remote.counts.acquire! <= 13, `${remote.counts.acquire} acquires`);
        assert.ok((yield* backend.get(KEY))!.freshFor! > 0);
      }));
    }
  });

  it("keeps no more entries and bytes than it may", async () => {
    const { store, reads } = kit();
    const cache = clientOf(store, { l1: { maxEntries: 10, maxBytes: 1000 } });
    const isHere = (key: string) =>
      Effect.map(cache.getOrSet(key, fetcher), ({ meta }) => meta.tier === "l1");
    await Effect.runPromise(Effect.gen(function* () {
      const keys = times(30, (index) => `${KEY}:${index}`);
      yield* cache.setMany(keys.map((key) => [key, key]));
      yield* cache.getMany(keys);
      assert.equal((yield* Effect.forEach(keys.slice(20), isHere)).filter(Boolean).length, 10);
      // 402 bytes each, and then one of more than there may be.
      for (const key of ["a", "b", "c"]) yield* cache.set(key, "x".repeat(400));
      yield* cache.set("large", "x".repeat(1000));
      yield* cache.getMany(["a", "b", "c", "large"]);
      assert.deepEqual(yield* Effect.forEach(["c", "b", "large"], isHere), [true, true, false]);
      assert.deepEqual(yield* isHere("a"), false);
    }));
    assert.ok(reads.count > 30);
  });

  it("has each hit have its own value with `copy`, but with a codec of promises keeps none", async () => {
    const { store } = kit();
    const cache = clientOf(store, { l1: { copy: true } });
    const get = cache.getOrSet(KEY, () => Effect.succeed({ list: [0] }));
    await Effect.runPromise(cache.set(KEY, { list: [1] }));
    const values = [await Effect.runPromise(get), Effect.runSync(get), Effect.runSync(get)]
      .map(({ value, meta }) => {
        value.list.push(2);
        return [value, meta.tier];
      });
    const value = { list: [1, 2] };
    assert.deepEqual(values, [[value, undefined], [value, "l1"], [value, "l1"]]);
    let decoded = 0;
    const later: Codec = {
      encode: jsonCodec.encode,
      decode: (bytes) =>
        ++decoded === 2
          ? Promise.reject(new Error("no"))
          : Promise.resolve(jsonCodec.decode(bytes)),
    };
    const slow = clientOf(store, { l1: { copy: true }, codec: later });
    for (let call = 0; call < 3; call++) {
      const { value, meta } = await Effect.runPromise(slow.getOrSet(KEY, fetcher));
      assert.deepEqual([value, meta.tier], [{ list: [1] }, undefined]);
    }
    const shared = clientOf(store, { l1: true, codec: later });
    await Effect.runPromise(shared.get(KEY));
    assert.deepEqual(Effect.runSync(shared.getOrSet(KEY, fetcher)).meta.tier, "l1");
  });

  it("sees what another client of this process changes, also with other leases", async () => {
    const { store } = kit();
    const leases = leasesHalf(memoryAdapter());
    const fast = createCache({ adapter: store, leases, l1: { ttl: MINUTE } });
    for (
      const plain of [createCache({ adapter: store, leases }), createCache({ adapter: store })]
    ) {
      await plain.set(KEY, "old");
      assert.equal(await fast.get(KEY), "old");
      await plain.set(KEY, "new");
      assert.equal(await fast.get(KEY), "new");
    }
  });

  it("is there in front of an adapter that is loaded, and of one with other leases", async () => {
    const { store, reads } = kit();
    const leases = leasesHalf(kit().store);
    const lazy = lazyStore("map", () => Promise.resolve(store));
    for (const options of [{ adapter: lazy }, { adapter: store, leases }]) {
      const cache = Cache.make({ ...options, cacheTtl: MINUTE, l1: true });
      await Effect.runPromise(cache.set(KEY, "value"));
      await Effect.runPromise(cache.get(KEY));
      const before = reads.count;
      const { value, meta } = Effect.runSync(cache.getOrSet(KEY, fetcher));
      assert.deepEqual([value, meta.tier], ["value", "l1"]);
      assert.equal(reads.count, before);
      await Effect.runPromise(cache.delete(KEY));
      const missed = await Effect.runPromise(cache.getOrSet(KEY, fetcher));
      assert.equal(missed.meta.cache, "MISS-LEADER");
    }
  });

  it("shares one read among those who come at once, and one fetch", async () => {
    const { run, here, remote } = world();
    await run(Effect.gen(function* () {
      const cache = clientOf(here);
      const { counter, fetcher } = source(100, () => "value");
      yield* all(times(50, () => cache.getOrSet(KEY, fetcher)));
      assert.equal(counter.fetches, 1);
      assert.equal(remote.counts.get, 1);
    }));
  });

  it("means nothing in memory, and is refused where there is none, or where it makes no sense", () => {
    assert.ok(Cache.make({ adapter: "memory", l1: true }));
    const { store } = kit();
    const half = { get: () => Effect.succeed(null), set: () => Effect.void };
    const messageOf = (options: object) => {
      try {
        Cache.make({ adapter: store, ...options } as never);
      } catch (error) {
        return (error as Error).message;
      }
      return "accepted";
    };
    const use = (name: string, must: string, is: string) =>
      `Cannot use the option \`${name}\`: it must be ${must}, and is ${is}`;
    const longer = "longer than zero, such as '5 seconds'";
    const cases: [object, string][] = [
      [{ l1: false }, "accepted"],
      [{ l1: undefined }, "accepted"],
      [{ l1: { ttl: "5 seconds", maxEntries: 1, maxBytes: 0.5 } }, "accepted"],
      [{ l1: 5 }, use("l1", "true, false, or an object of its options", "5")],
      [{ l1: null }, use("l1", "true, false, or an object of its options", "null")],
      [{ l1: { ttl: 0 } }, use("l1.ttl", longer, "0")],
      [{ l1: { maxEntries: 1.5 } }, use("l1.maxEntries", "a whole number from 1", "1.5")],
      [{ l1: { maxBytes: 0 } }, use("l1.maxBytes", "a number above 0", "0")],
      [{ l1: { copy: 1 } }, use("l1.copy", "true or false", "1")],
      [{ l1: { tracking: 1 } }, use("l1.tracking", "true or false", "1")],
      [
        { l1: { tll: 1 } },
        'Cannot use the option "l1.tll": there is none; the nearest is `l1.ttl`',
      ],
      [
        { adapter: { cache: half, leases: leasesHalf(store) }, l1: true },
        use("l1", "left out with halves or stores written by hand, which have no L1", "true"),
      ],
    ];
    for (const [options, message] of cases) assert.equal(messageOf(options), message);
    assert.throws(() => createCache({ adapter: store, l1: { ttl: "long" as never } }), {
      code: "VALIDATION_ERROR",
    });
  });
});
