import { Effect, Exit, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  type BatchContext,
  Cache,
  type CacheClient,
  type GetOrSetResult,
  isCacheLockingError,
  type Store,
} from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { fakeSignal } from "../support/fake_signal.ts";
import { errorOf, processes, start, tagOf, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { shuffle } from "../support/random.ts";
import { simulate } from "../support/simulation.ts";

const KEYS = ["c", "a", "b"];

/** A fetch of many keys that takes a time and writes down what it was asked for. */
function batches(
  millis = 10,
  value: (key: string, fetch: number) => unknown = (key, fetch) => `${key} ${fetch}`,
) {
  const asked: (readonly string[])[] = [];
  const seen = { interrupted: 0, aborted: 0 };
  const fetcher = ({ keys, signal }: BatchContext<string>) =>
    Effect.suspend(() => {
      const fetch = asked.push(keys);
      signal.addEventListener("abort", () => seen.aborted++);
      return Effect.onInterrupt(
        Effect.as(
          Effect.sleep(millis),
          new Map(keys.map((key) => [key, value(key, fetch)] as const)),
        ),
        () => Effect.sync(() => void seen.interrupted++),
      );
    });
  return { asked, seen, fetcher };
}

/** What each key got: its value and outcome, or its error's tag. */
function told<K>(results: ReadonlyMap<K, Exit.Exit<GetOrSetResult<unknown>, unknown>>) {
  return Object.fromEntries([...results].map(([key, exit]) => [
    String(key),
    Exit.isSuccess(exit)
      ? `${exit.value.value}: ${exit.value.meta.cache}`
      : tagOf(Effect.runSync(Effect.flip(exit as Exit.Exit<never, unknown>))),
  ]));
}

const clientOf = (adapter: Store<unknown>, options: object = {}) =>
  Cache.make({ adapter, ...options }) as CacheClient;

/** That nobody holds a lease of the keys any more, and no flight is left. */
const nothingLeft = (store: Store<unknown>, keys = KEYS) =>
  Effect.gen(function* () {
    assert.equal(flightsUnderWay(store), 0);
    for (const key of keys) {
      const { _tag } = yield* store.acquire(key, "next", 1_000);
      assert.equal(_tag, "Leader", `${key} is free`);
      yield* store.release(key, "next", "cancelled");
    }
  });

const places: readonly (readonly [string, () => Store<unknown>])[] = [
  ["memory", memoryAdapter],
  ["a remote store", () => processOver(memoryAdapter(), { latency: 2 })],
];

for (const [place, open] of places) {
  describe(`many keys over ${place}`, () => {
    it("fetches what is missing in one fetch, and hits then", async () => {
      const client = clientOf(open());
      const { asked, fetcher } = batches();
      await simulate().run(Effect.gen(function* () {
        yield* client.set("b", "set");
        const first = yield* client.getOrSetMany(KEYS, fetcher);
        assert.deepEqual([...first.keys()], KEYS);
        assert.deepEqual(told(first), {
          c: "c 1: MISS-LEADER",
          a: "a 1: MISS-LEADER",
          b: "set: HIT",
        });
        const second = yield* client.getOrSetMany(KEYS, fetcher);
        assert.deepEqual(told(second), { c: "c 1: HIT", a: "a 1: HIT", b: "set: HIT" });
      }));
      assert.deepEqual(asked, [["a", "c"]]);
    });

    it("gives the values alone, or fails with the first failure in the keys' order", async () => {
      const client = clientOf(open());
      const { asked, fetcher } = batches();
      const only = ({ keys }: BatchContext<string>) =>
        Effect.succeed(new Map(keys.filter((key) => key < "e").map((key) => [key, key])));
      await simulate().run(Effect.gen(function* () {
        const values = yield* client.getOrSetAll(KEYS, fetcher);
        assert.deepEqual([...values], [["c", "c 1"], ["a", "a 1"], ["b", "b 1"]]);
        const error = yield* errorOf(client.getOrSetAll(["d", "f", "e"], only));
        assert.ok(isCacheLockingError(error) && error.context.key === "f", `${error}`);
        // What was fetched is stored all the same.
        assert.deepEqual([...yield* client.getMany(["d", "e"])], [["d", "d"]]);
      }));
      assert.deepEqual(asked, [["a", "b", "c"]]);
    });

    it("takes keys of any type, by their names, and each name once", async () => {
      const client = clientOf(open());
      const users = [{ id: 2 }, { id: 1 }, { id: 2, again: true }];
      const asked: unknown[] = [];
      await simulate().run(Effect.gen(function* () {
        const results = yield* client.getOrSetMany(users, ({ keys }) => {
          asked.push(keys);
          return Effect.succeed(new Map(keys.map((user) => [user, `user ${user.id}`])));
        }, { key: ({ id }) => `user:${id}` });
        assert.deepEqual([...results.keys()], [users[0], users[1]]);
        const found = yield* client.getMany(users, { key: ({ id }) => `user:${id}` });
        assert.deepEqual([...found.values()], ["user 2", "user 1"]);
        assert.equal((yield* client.getOrSet("user:2", () => Effect.succeed(""))).value, "user 2");
      }));
      assert.deepEqual(asked, [[users[1], users[0]]]);
    });

    it("fails a key that the fetch has left out, and no other", async () => {
      const store = open();
      const client = clientOf(store);
      const fetcher = () => Effect.succeed(new Map([["a", "Ada"], ["z", "too many"]]));
      await simulate().run(Effect.gen(function* () {
        const results = yield* client.getOrSetMany(KEYS, fetcher);
        assert.deepEqual(told(results), {
          c: "FETCHER_FAILED",
          a: "Ada: MISS-LEADER",
          b: "FETCHER_FAILED",
        });
        const error = yield* Effect.flip(results.get("b")!);
        assert.ok(isCacheLockingError(error));
        assert.equal(error.message, 'Cannot get "b": the fetcher returned no value for it');
        assert.equal(error.context.key, "b");
        assert.deepEqual([...yield* client.getMany([...KEYS, "z"])], [["a", "Ada"]]);
        yield* nothingLeft(store, ["b", "c"]);
      }));
    });

    it("refreshes what stands for a key ahead by its own time", async () => {
      const client = clientOf(open(), { cacheTtl: "1 hour", refreshAhead: 0.5 });
      let fetches = 0;
      const fetcher = () => Effect.sync(() => (fetches++, new Map<string, null>()));
      const absent = { value: null, ttl: "1 minute" } as const;
      await simulate().run(Effect.gen(function* () {
        const ask = () => client.getOrSetAll(KEYS, fetcher, { absent });
        yield* ask();
        for (let hit = 0; hit < 4; hit++) {
          yield* Effect.sleep(6_000);
          yield* ask();
        }
        assert.equal(fetches, 1);
        yield* Effect.sleep(10_000);
        yield* ask();
        yield* Effect.sleep(100);
        assert.equal(fetches, 2);
      }));
    });

    it("stores what stands for a key that was left out", async () => {
      const client = clientOf(open(), { cacheTtl: "1 hour" });
      const { asked, fetcher } = batches();
      const absent = { value: null, ttl: "1 minute" } as const;
      const options = { absent, shouldCache: (value: unknown) => value !== null };
      const found = ({ keys }: BatchContext<string>) =>
        Effect.map(fetcher({ keys, signal: new AbortController().signal }), (all) => {
          all.delete("b");
          return all;
        });
      await simulate().run(Effect.gen(function* () {
        const first = yield* client.getOrSetMany(KEYS, found, options);
        assert.equal(told(first).b, "null: MISS-LEADER");
        yield* Effect.sleep("59 seconds");
        assert.deepEqual([...yield* client.getMany(KEYS)], [["c", "c 1"], ["a", "a 1"], [
          "b",
          null,
        ]]);
        yield* Effect.sleep("2 seconds");
        assert.deepEqual([...(yield* client.getMany(KEYS)).keys()], ["c", "a"]);
        yield* client.getOrSetMany(KEYS, found, { absent: { value: null } });
        yield* Effect.sleep("59 minutes");
        assert.equal((yield* client.getMany(["b"])).size, 1);
      }));
      assert.deepEqual(asked, [["a", "b", "c"], ["b"]]);
    });

    it("fails all keys of a fetch that fails, throws, or returns no map", async () => {
      const store = open();
      const client = clientOf(store);
      const thrower = (): Effect.Effect<Map<string, string>> => {
        throw new Error("a bug");
      };
      await simulate().run(Effect.gen(function* () {
        const failing = () => Effect.flatMap(Effect.sleep(5), () => Effect.fail("down" as const));
        const failed = yield* client.getOrSetMany(KEYS, failing);
        assert.deepEqual(told(failed), { c: "down", a: "down", b: "down" });
        const threw = yield* client.getOrSetMany(KEYS, thrower);
        assert.deepEqual(told(threw), {
          c: "FETCHER_FAILED",
          a: "FETCHER_FAILED",
          b: "FETCHER_FAILED",
        });
        const defect = yield* client.getOrSetMany(["a"], () => Effect.die(new Error("a bug")));
        assert.deepEqual(told(defect), { a: "FETCHER_FAILED" });
        for (const returned of [{}, undefined, 1, ["a"]]) {
          const none = yield* client.getOrSetMany(["a"], () => Effect.succeed(returned as never));
          const error = yield* Effect.flip(none.get("a")!);
          assert.ok(isCacheLockingError(error) && error._tag === "VALIDATION_ERROR");
          assert.match(error.message, /"a": it must return a Map of values by key, and returned /);
        }
        const promise = yield* client.getOrSetMany(["a"], () => Promise.resolve() as never);
        assert.match(
          String(yield* Effect.flip(promise.get("a")!)),
          /must return an Effect, and returned a promise/,
        );
        yield* nothingLeft(store);
      }));
    });

    it("splits at maxBatch", async () => {
      const client = clientOf(open());
      const { asked, fetcher } = batches();
      const keys = times(25, (index) => `key:${index + 10}`);
      const simulation = simulate();
      const began = simulation.now();
      const results = await simulation.run(client.getOrSetAll(keys, fetcher, { maxBatch: 10 }));
      assert.deepEqual(asked.map(({ length }) => length), [10, 10, 5]);
      assert.deepEqual(asked.flat(), keys);
      assert.equal(results.size, 25);
      assert.ok(simulation.now() - began < 30, "they are fetched side by side");
    });

    it("shares flights with single calls, both ways", async () => {
      const client = clientOf(open());
      const { asked, fetcher } = batches(50);
      let single = 0;
      const one = () => Effect.as(Effect.sleep(50), `single ${++single}`);
      await simulate().run(Effect.scoped(Effect.gen(function* () {
        const before = yield* start(client.getOrSet("a", one));
        yield* Effect.sleep(10);
        const many = yield* start(client.getOrSetMany(KEYS, fetcher));
        yield* Effect.sleep(10);
        const after = yield* start(client.getOrSet("b", one));
        const others = yield* start(client.getOrSetMany(["b", "c"], fetcher));
        assert.equal((yield* Fiber.join(before)).meta.cache, "MISS-LEADER");
        assert.deepEqual(told(yield* Fiber.join(many)), {
          c: "c 1: MISS-LEADER",
          a: "single 1: MISS-FOLLOWER-HIT",
          b: "b 1: MISS-LEADER",
        });
        const { value, meta } = yield* Fiber.join(after);
        assert.deepEqual([value, meta.cache], ["b 1", "MISS-FOLLOWER-HIT"]);
        assert.deepEqual(told(yield* Fiber.join(others)), {
          b: "b 1: MISS-FOLLOWER-HIT",
          c: "c 1: MISS-FOLLOWER-HIT",
        });
      })));
      assert.deepEqual(asked, [["b", "c"]]);
      assert.equal(single, 1);
    });

    it("is cancelled: the fetch goes on for who else wants a key of it, and no lease is left", async () => {
      for (const how of ["interrupt", "abort"] as const) {
        const store = open();
        const client = clientOf(store);
        const { asked, seen, fetcher } = batches(100);
        const { signal, abort } = fakeSignal();
        await simulate().run(Effect.scoped(Effect.gen(function* () {
          const many = yield* start(
            Effect.exit(client.getOrSetMany(KEYS, fetcher, how === "abort" ? { signal } : {})),
          );
          yield* Effect.sleep(20);
          const other = yield* start(client.getOrSet("a", () => Effect.succeed("not called")));
          yield* Effect.sleep(20);
          if (how === "interrupt") yield* Fiber.interrupt(many);
          else {
            abort();
            const exit = yield* Fiber.join(many);
            assert.equal(tagOf(yield* Effect.flip(exit)), "ABORTED");
            yield* Effect.sleep(10);
          }
          assert.equal(flightsUnderWay(store), 1);
          assert.deepEqual(seen, { interrupted: 0, aborted: 0 });
          assert.equal((yield* Fiber.join(other)).value, "a 1");
          yield* nothingLeft(store, ["b", "c"]);
          const alone = yield* start(client.getOrSetMany(["b", "c"], fetcher));
          yield* Effect.sleep(20);
          yield* Fiber.interrupt(alone);
          assert.deepEqual(seen, { interrupted: 1, aborted: 1 });
          yield* nothingLeft(store, ["b", "c"]);
        })));
        assert.deepEqual(asked, [["a", "b", "c"], ["b", "c"]]);
      }
    });

    it("keeps its lease until a fetch that nobody wants has ended, whoever comes and goes meanwhile", async () => {
      const store = open();
      const client = clientOf(store);
      const fetcher = () => Effect.onInterrupt(Effect.never, () => Effect.sleep(100));
      await simulate().run(Effect.scoped(Effect.gen(function* () {
        for (let caller = 1; caller <= 2; caller++) {
          const many = yield* start(client.getOrSetMany(["a"], fetcher));
          yield* Effect.sleep(20);
          yield* start(Fiber.interrupt(many));
        }
        yield* Effect.sleep(10);
        assert.equal((yield* store.acquire("a", "next", 1_000))._tag, "Follower");
        yield* Effect.sleep(100);
        yield* nothingLeft(store, ["a"]);
      })));
    });

    it("answers stale values at once, and refreshes them in one fetch with what is missing", async () => {
      const client = clientOf(open(), { cacheTtl: 1_000, staleWhileRevalidate: "1 hour" });
      const { asked, fetcher } = batches();
      await simulate().run(Effect.gen(function* () {
        yield* client.getOrSetMany(["a", "b"], fetcher);
        yield* Effect.sleep(2_000);
        const stale = yield* client.getOrSetMany(["a", "b", "c"], fetcher);
        assert.deepEqual(told(stale), { a: "a 1: STALE", b: "b 1: STALE", c: "c 2: MISS-LEADER" });
        yield* Effect.sleep(100);
        const fresh = yield* client.getOrSetMany(["a", "b", "c"], fetcher);
        assert.deepEqual(told(fresh), { a: "a 2: HIT", b: "b 2: HIT", c: "c 2: HIT" });
      }));
      assert.deepEqual(asked.map((keys) => [...keys].sort()), [["a", "b"], ["a", "b", "c"]]);
    });

    it("runs the hooks of each key, and a hook that fails fails its key alone", async () => {
      const seen: string[] = [];
      const client = clientOf(open());
      const { fetcher } = batches();
      await simulate().run(Effect.gen(function* () {
        yield* client.set("a", "set");
        const results = yield* client.getOrSetMany(KEYS, fetcher, {
          hooks: {
            onHit: (_, { key }) => Effect.sync(() => seen.push(`hit ${key}`)),
            onLeader: (_, { key }) => {
              seen.push(`led ${key}`);
              return key === "b" ? Effect.fail("hook") : Effect.void;
            },
          },
        });
        assert.deepEqual(told(results), { c: "c 1: MISS-LEADER", a: "set: HIT", b: "hook" });
        assert.deepEqual([...yield* client.getMany(["b"])], [["b", "b 1"]]);
      }));
      assert.deepEqual(seen.sort(), ["hit a", "led b", "led c"]);
      const { hits, leaders } = client.stats();
      assert.deepEqual({ hits, leaders }, { hits: 1, leaders: 2 });
    });

    it("doesn't wait for itself: a fetch that asks for a key of its own fails that call", async () => {
      for (const coalesce of [true, false]) {
        const client = clientOf(open(), { coalesce });
        const nested: unknown[] = [];
        const results = await simulate().run(
          client.getOrSetMany(KEYS, ({ keys }) =>
            Effect.gen(function* () {
              for (const key of keys) {
                nested.push(tagOf(yield* errorOf(client.getOrSet(key, () => Effect.succeed("")))));
              }
              return new Map(keys.map((key) => [key, key]));
            })),
        );
        assert.deepEqual(nested, times(3, () => "CIRCULAR_FETCH"));
        assert.equal(results.size, 3);
      }
    });

    it("fails with its client, which lets go of all leases", async () => {
      const store = open();
      const client = clientOf(store);
      const { asked, seen, fetcher } = batches(1_000);
      await simulate().run(Effect.scoped(Effect.gen(function* () {
        yield* client.set("a", "set");
        const many = yield* start(client.getOrSetMany(KEYS, fetcher));
        yield* Effect.sleep(50);
        yield* client.close();
        assert.deepEqual(told(yield* Fiber.join(many)), {
          c: "CLOSED",
          a: "set: HIT",
          b: "CLOSED",
        });
        // With Effect 3 the interruption of a fiber comes to its own a turn later.
        yield* Effect.sleep(1);
        assert.equal(seen.interrupted, 1);
        const later = yield* client.getOrSetMany(KEYS, fetcher);
        assert.deepEqual(told(later), { c: "CLOSED", a: "CLOSED", b: "CLOSED" });
        for (
          const calling of [
            client.getMany(KEYS),
            client.setMany([["a", 1]]),
            client.deleteMany(KEYS),
            client.getOrSetAll(KEYS, fetcher),
          ]
        ) assert.equal(tagOf(yield* errorOf(calling as Effect.Effect<unknown, unknown>)), "CLOSED");
        yield* nothingLeft(store, ["b", "c"]);
      })));
      assert.deepEqual(asked, [["b", "c"]]);
    });

    it("reads, stores and removes many", async () => {
      const client = clientOf(open(), { cacheTtl: "1 minute" });
      await simulate().run(Effect.gen(function* () {
        yield* client.setMany(new Map<string, unknown>([["a", 1], ["b", undefined]]));
        yield* client.setMany([["c", 3]], { ttl: 1_000 });
        assert.deepEqual([...yield* client.getMany(["d", ...KEYS])], [["c", 3], ["a", 1], [
          "b",
          undefined,
        ]]);
        yield* Effect.sleep(2_000);
        yield* client.deleteMany(["a", "d"]);
        assert.deepEqual([...yield* client.getMany(KEYS)], [["b", undefined]]);
        yield* client.setMany([[1, "one"]], { key: (key) => `n${key}` });
        assert.deepEqual([...yield* client.getMany([1], { key: (key) => `n${key}` })], [[
          1,
          "one",
        ]]);
        yield* client.deleteMany([1], { key: (key) => `n${key}` });
        assert.equal((yield* client.getMany(["n1"])).size, 0);
      }));
    });
  });
}

describe("many keys of several processes", () => {
  it("crosswise: each key is fetched once, and nobody waits for who waits", async () => {
    for (const seed of times(50, (index) => index)) {
      const { clients, stores } = processes(3);
      const { asked, fetcher } = batches(30);
      const simulation = simulate({ seed });
      const keys = times(12, (index) => `key:${index}`);
      const began = simulation.now();
      const results = await simulation.run(Effect.all(
        clients.map((client, index) => {
          const order = index === 1 ? [...keys].reverse() : [...keys];
          if (index === 2) shuffle(order, simulation.random);
          return client.getOrSetAll(order.slice(0, 9), fetcher);
        }),
        { concurrency: "unbounded" },
      ));
      const fetched = asked.flat();
      assert.equal(new Set(fetched).size, fetched.length, `seed ${seed}: ${asked.join(" | ")}`);
      assert.ok(simulation.now() - began < 100);
      for (const all of results) assert.equal(all.size, 9);
      for (const store of stores) assert.equal(flightsUnderWay(store), 0);
    }
  });

  it("fetches what it has won before it waits for others", async () => {
    const { clients: [one, two] } = processes(2);
    const { asked, fetcher } = batches(10);
    const simulation = simulate();
    const began = simulation.now();
    let stored = Infinity;
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(one!.getOrSet("a", () => Effect.as(Effect.sleep(2_000), "slow")));
      yield* Effect.sleep(10);
      const many = yield* start(two!.getOrSetMany(KEYS, fetcher));
      yield* Effect.sleep(50);
      if ((yield* one!.getMany(["b", "c"])).size === 2) stored = simulation.now() - began;
      assert.deepEqual(told(yield* Fiber.join(many)), {
        c: "c 1: MISS-LEADER",
        a: "slow: MISS-FOLLOWER-HIT",
        b: "b 1: MISS-LEADER",
      });
    })));
    assert.deepEqual(asked, [["b", "c"]]);
    assert.ok(stored < 100, `${stored} ms`);
  });

  for (const poll of [false, true]) {
    it(`takes over what another's fetch has failed for in one fetch${poll ? ", without push" : ""}`, async () => {
      const { clients: [one, two], stores } = processes(2, { poll });
      const { asked, fetcher } = batches(10);
      await simulate().run(Effect.scoped(Effect.gen(function* () {
        const failing = yield* start(
          one!.getOrSetMany(
            KEYS,
            () => Effect.flatMap(Effect.sleep(100), () => Effect.fail("down" as const)),
          ),
        );
        yield* Effect.sleep(20);
        const others = yield* two!.getOrSetMany(KEYS, fetcher, { waitStep: 40 });
        assert.deepEqual(told(others), {
          c: "c 1: MISS-LEADER",
          a: "a 1: MISS-LEADER",
          b: "b 1: MISS-LEADER",
        });
        assert.deepEqual(told(yield* Fiber.join(failing)), { c: "down", a: "down", b: "down" });
        yield* nothingLeft(stores[0]!, []);
      })));
      assert.deepEqual(asked.map((keys) => [...keys].sort()), [["a", "b", "c"]]);
    });
  }

  it("takes over the keys of a process that died in one fetch", async () => {
    const { backend, clients: [one] } = processes(1);
    const { asked, fetcher } = batches(10);
    const simulation = simulate();
    const keys = times(20, (index) => `key:${index + 10}`);
    await simulation.run(Effect.gen(function* () {
      for (const key of keys) {
        yield* backend.acquire(key, "dies", 5_000);
        yield* Effect.sleep(1);
      }
      const began = simulation.now();
      const results = yield* one!.getOrSetMany(keys, fetcher);
      assert.ok(simulation.now() - began < 5_200);
      for (const exit of results.values()) {
        assert.ok(Exit.isSuccess(exit) && exit.value.meta.cache === "MISS-LEADER");
      }
    }));
    assert.deepEqual(asked.map((keys) => [...keys].sort()), [keys]);
  });

  it("falls back in one fetch, when the time for waiting is over", async () => {
    const { clients: [one, two] } = processes(2, { waitMax: 300 });
    const { asked, fetcher } = batches(10);
    const simulation = simulate();
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(one!.getOrSetMany(KEYS, () => Effect.never));
      yield* Effect.sleep(20);
      const began = simulation.now();
      const results = yield* two!.getOrSetMany(KEYS, fetcher);
      assert.deepEqual(Object.values(told(results)), [
        "c 1: MISS-FOLLOWER-FALLBACK",
        "a 1: MISS-FOLLOWER-FALLBACK",
        "b 1: MISS-FOLLOWER-FALLBACK",
      ]);
      assert.ok(simulation.now() - began <= 330);
    })));
    assert.deepEqual(asked.map((keys) => [...keys].sort()), [["a", "b", "c"]]);
  });

  it("doesn't wait for a look that hangs for longer than a moment", async () => {
    const backend = memoryAdapter();
    const trouble = (operation: string, key: string) =>
      operation === "acquire" && key === "a" ? "hang" : undefined;
    const client = clientOf(processOver(backend, { latency: 2, trouble }));
    const { asked, fetcher } = batches(10);
    const simulation = simulate();
    const began = simulation.now();
    let stored = 0;
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const many = yield* start(client.getOrSetMany(KEYS, fetcher));
      while (stored === 0) {
        yield* Effect.sleep(10);
        if ((yield* client.getMany(["b"])).size === 1) stored = simulation.now() - began;
      }
      assert.deepEqual(told(yield* Fiber.join(many)), {
        c: "c 1: MISS-LEADER",
        a: "LEASE_ACQUIRE_FAILED",
        b: "b 1: MISS-LEADER",
      });
    })));
    assert.deepEqual(asked, [["b", "c"]]);
    assert.ok(stored < 600, `${stored} ms`);
  });

  it("bypasses a cache that fails in one fetch", async () => {
    const client = clientOf(processOver(memoryAdapter(), { trouble: () => "before" }), {
      onCacheFailure: "bypass",
      hooks: { onError: () => Effect.void },
    });
    const { asked, fetcher } = batches();
    const results = await simulate().run(client.getOrSetMany(KEYS, fetcher));
    assert.deepEqual(told(results), { c: "c 1: BYPASS", a: "a 1: BYPASS", b: "b 1: BYPASS" });
    assert.deepEqual(asked, [["a", "b", "c"]]);
  });
});

describe("what many keys are refused for", () => {
  const client = clientOf(memoryAdapter());
  const { fetcher } = batches();
  const errorFor = async (calling: Effect.Effect<unknown, unknown>) => {
    const error = await simulate().run(errorOf(calling));
    assert.ok(isCacheLockingError(error), `${error}`);
    assert.equal(error._tag, "VALIDATION_ERROR");
    return error.message;
  };

  it("refuses options that are not valid, in one error for all keys", async () => {
    for (
      const [options, name] of [
        [{ maxBatch: 0 }, "maxBatch"],
        [{ maxBatch: 1.5 }, "maxBatch"],
        [{ key: "id" }, "key"],
        [{ absent: null }, "absent"],
        [{ absent: {} }, "absent"],
        [{ absent: { value: 1, ttl: -1 } }, "absent.ttl"],
        [{ leaseTtl: 0 }, "leaseTtl"],
      ] as const
    ) {
      const message = await errorFor(client.getOrSetMany(KEYS, fetcher, options as never));
      assert.ok(message.startsWith(`Cannot use the option \`${name}\``), message);
    }
    const nearest = await errorFor(client.getOrSetMany(KEYS, fetcher, { maxBach: 1 } as never));
    assert.match(nearest, /there is none; the nearest is `maxBatch`/);
    const numbers = await errorFor(client.getOrSetAll([1, 2] as never, fetcher));
    assert.match(numbers, /of at most 64 kB, or named by the option `key`, and is 1$/);
    const none = await errorFor(client.getOrSetMany(KEYS, 1 as never));
    assert.match(none, /`fetcher`: it must be a function/);
    const threw = await errorFor(client.getOrSetMany(KEYS, fetcher, {
      key: () => {
        throw new Error("a bug");
      },
    }));
    assert.match(threw, /reading them threw/);
  });

  it("refuses what are no keys", async () => {
    for (const keys of ["abc", undefined, 1, {}]) {
      for (
        const calling of [
          client.getOrSetMany(keys as never, fetcher),
          client.getOrSetAll(keys as never, fetcher),
          client.getMany(keys as never),
          client.deleteMany(keys as never),
        ]
      ) assert.match(await errorFor(calling), /the option `keys`: it must be an array/);
    }
  });

  it("fails what can be no key, and no other", async () => {
    const results = await simulate().run(client.getOrSetMany(["ok", "", 1 as never], fetcher));
    assert.deepEqual(told(results), {
      ok: "ok 1: MISS-LEADER",
      "": "VALIDATION_ERROR",
      1: "VALIDATION_ERROR",
    });
    assert.equal((await simulate().run(client.getOrSetMany([], fetcher))).size, 0);
    assert.match(await errorFor(client.getMany(["ok", ""])), /`key`: it must be a non-empty/);
  });
});
