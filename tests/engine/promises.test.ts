import { Duration, Effect, Fiber, Option } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  AdapterError,
  Cache,
  type FetchContext,
  fixedWaitStrategy,
  isCacheLockingError,
  type Store,
} from "../../mod.ts";
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

describe("1. One fetch", () => {
  it("10,000 callers of one cold key in one process: one fetch", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(100, () => "value");
    const cache = Cache.make({ adapter: memoryAdapter() });
    const results = await simulation.run(all(times(10_000, () => cache.getOrSet(KEY, fetcher))));
    assert.equal(counter.fetches, 1);
    assert.ok(results.every(({ value }) => value === "value"));
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 9_999 });
  });

  for (const poll of [false, true]) {
    it(`50 processes of 20 callers, ${poll ? "polling" : "with push"}: one fetch`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(300, () => "value");
      const { clients } = processes(50, { poll });
      const results = await simulation.run(
        all(clients.flatMap((cache) => times(20, () => cache.getOrSet(KEY, fetcher)))),
      );
      assert.equal(counter.fetches, 1);
      assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 999 });
    });
  }

  it("a fetch longer than its lease is still one: the lease is renewed", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(60_000, () => "value");
    const { clients } = processes(2, { leaseTtl: "3 seconds", waitMax: "2 minutes" });
    await simulation.run(all(clients.map((cache) => cache.getOrSet(KEY, fetcher))));
    assert.equal(counter.fetches, 1);
  });

  it("a renewal without an answer is tried again at once: the lease outlives it", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(8_000, () => "value");
    const backend = memoryAdapter();
    let renewals = 0;
    const leader = Cache.make({
      adapter: processOver(backend, {
        trouble: (operation) => operation === "renew" && ++renewals === 1 ? "hang" : undefined,
      }),
    });
    const follower = Cache.make({ adapter: processOver(backend) });
    const results = await simulation.run(
      all([leader, follower].map((cache) => cache.getOrSet(KEY, fetcher))),
    );
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 1 });
  });

  for (const minutes of [4, 6]) {
    it(`a lease is renewed for 5 minutes: a fetch of ${minutes} minutes`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(minutes * 60_000, () => "value");
      const { clients } = processes(2, { waitMax: "1 hour" });
      await simulation.run(all(clients.map((cache) => cache.getOrSet(KEY, fetcher))));
      assert.equal(counter.fetches, minutes < 5 ? 1 : 2);
    });
  }

  it("callers that come while the entry is read are served by the one reading", async () => {
    const simulation = simulate();
    const { clients: [cache], stores: [store], backend } = processes(1);
    const { counter, fetcher } = source(1, () => "new");
    const results = await simulation.run(
      Effect.flatMap(
        backend.set(KEY, "old"),
        () => all(times(100, () => cache!.getOrSet(KEY, fetcher))),
      ),
    );
    assert.equal(counter.fetches, 0);
    assert.deepEqual(outcomes(results), { HIT: 100 });
    assert.deepEqual(store!.operations, ["get"]);
  });
});

describe("2. No second fetch after a fill", () => {
  it("whoever wins the lease after a fill finds the entry as a hit", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(10, () => "value");
    const { clients: [fast], backend } = processes(1);
    // This process reads the miss before the fill, and asks for the lease after it.
    const slow = Cache.make({ adapter: processOver(backend, { latency: 40 }) });
    const [, late] = await simulation.run(
      all([fast!.getOrSet(KEY, fetcher), slow.getOrSet(KEY, fetcher)]),
    );
    assert.equal(counter.fetches, 1);
    assert.equal(late!.meta.cache, "HIT");
  });
});

describe("3. Fenced fills", () => {
  for (const change of ["delete", "expire", "set"] as const) {
    it(`a fetch that began before a ${change} elsewhere can't put the old value back`, async () => {
      const simulation = simulate();
      const { fetcher } = source(100, () => "old");
      const { clients: [leader, other] } = processes(2);
      const result = await simulation.run(Effect.scoped(Effect.gen(function* () {
        const fiber = yield* start(leader!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(50);
        yield* change === "set" ? other!.set(KEY, "new") : other![change](KEY);
        const led = yield* Fiber.join(fiber);
        return [led, yield* other!.get(KEY)] as const;
      })));
      assert.equal(result[0].value, "old");
      assert.equal(result[0].meta.cache, "MISS-LEADER-NOCACHE");
      assert.deepEqual(
        result[1]._tag === "Some" ? result[1].value : undefined,
        change === "set" ? "new" : undefined,
      );
    });

    it(`callers who come after a ${change} in the same process get nothing older`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(100, (fetch) => `fetch ${fetch}`);
      const { clients: [cache] } = processes(1);
      const [before, later] = await simulation.run(Effect.scoped(Effect.gen(function* () {
        const first = yield* start(cache!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(50);
        yield* change === "set" ? cache!.set(KEY, "set") : cache![change](KEY);
        const second = yield* cache!.getOrSet(KEY, fetcher);
        return [yield* Fiber.join(first), second] as const;
      })));
      assert.equal(before.value, "fetch 1");
      assert.equal(later.value, change === "set" ? "set" : "fetch 2");
      assert.equal(counter.fetches, change === "set" ? 1 : 2);
    });
  }

  it("callers who come after a delete whose reply was lost in the same process get nothing older", async () => {
    const simulation = simulate();
    const lost = (operation: string) => operation === "delete" ? "after" as const : undefined;
    const adapter = processOver(memoryAdapter(), { latency: 2, trouble: lost });
    const { fetcher } = source(100, (fetch) => fetch);
    const cache = Cache.make({ adapter });
    const result = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(50);
      assert.equal(tagOf(yield* errorOf(cache.delete(KEY))), "CACHE_SET_FAILED");
      return yield* cache.getOrSet(KEY, fetcher);
    })));
    assert.equal(result.value, 2);
  });

  it("once a process has noticed that its lease was revoked, its later callers start anew", async () => {
    const simulation = simulate();
    const { fetcher } = source(3_000, (fetch) => `fetch ${fetch}`);
    const { clients: [leader, other] } = processes(2, { leaseTtl: "3 seconds" });
    const [before, later] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const first = yield* start(leader!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(500);
      yield* other!.delete(KEY);
      yield* Effect.sleep(1_000);
      const second = yield* leader!.getOrSet(KEY, fetcher);
      return [yield* Fiber.join(first), second] as const;
    })));
    assert.deepEqual([before.value, before.meta.cache], ["fetch 1", "MISS-LEADER-NOCACHE"]);
    assert.deepEqual([later.value, later.meta.cache], ["fetch 2", "MISS-LEADER"]);
  });

  it("a leader that was paused past its lease can't overwrite the next one's value", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    let paused = false;
    const frozen = processOver(backend, {
      trouble: (operation) => paused && operation === "renew" ? "hang" : undefined,
    });
    const options = {
      leaseTtl: "300 millis",
      waitMax: "10 seconds",
      operationTimeout: "1 hour",
    } as const;
    const first = Cache.make({ ...options, adapter: frozen });
    const second = Cache.make({ ...options, adapter: processOver(backend) });
    const [late, next, now] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const fiber = yield* start(first.getOrSet(KEY, source(2_000, () => "late").fetcher));
      yield* Effect.sleep(10);
      paused = true;
      const next = yield* second.getOrSet(KEY, source(10, () => "next").fetcher);
      return [yield* Fiber.join(fiber), next, yield* second.get(KEY)] as const;
    })));
    assert.deepEqual([late.value, late.meta.cache], ["late", "MISS-LEADER-NOCACHE"]);
    assert.deepEqual([next.value, next.meta.cache], ["next", "MISS-LEADER"]);
    assert.deepEqual(now._tag === "Some" && now.value, "next");
  });
});

describe("4. Takeover by one", () => {
  for (const poll of [false, true]) {
    it(`the fetch fails: one takes over, ${poll ? "polling" : "with push"}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(
        100,
        (fetch) => fetch === 1 ? Effect.fail("no") : Effect.succeed(fetch),
      );
      const { clients } = processes(10, { poll });
      const exits = await simulation.run(
        all(clients.flatMap((cache) => times(10, () => errorOf(cache.getOrSet(KEY, fetcher))))),
      );
      assert.equal(counter.fetches, 2);
      assert.equal(counter.most, 1);
      assert.deepEqual(exits.filter((error) => error !== undefined), ["no"]);
    });

    it(`the leader is cancelled: one takes over at once, ${poll ? "polling" : "with push"}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(100, (fetch) => fetch);
      const { clients: [first, ...others] } = processes(10, { poll });
      const began = simulation.now();
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const leader = yield* start(first!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(20);
        const herd = yield* start(all(others.map((cache) => cache.getOrSet(KEY, fetcher))));
        yield* Effect.sleep(20);
        yield* Fiber.interrupt(leader);
        const results = yield* Fiber.join(herd);
        assert.ok(results.every(({ value }) => value === 2));
      })));
      assert.equal(counter.fetches, 2);
      assert.equal(counter.most, 1);
      assert.ok(simulation.now() - began < (poll ? 500 : 170), `${simulation.now() - began} ms`);
    });

    it(`the leader's process dies: one takes over within leaseTtl, ${poll ? "polling" : "with push"}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(100, () => "value");
      const { backend, clients } = processes(10, { poll, leaseTtl: "1 second" });
      const began = simulation.now();
      await simulation.run(Effect.flatMap(
        backend.acquire(KEY, "a dead process", 1_000),
        () => all(clients.map((cache) => cache.getOrSet(KEY, fetcher))),
      ));
      assert.equal(counter.fetches, 1);
      const took = simulation.now() - began;
      assert.ok(took >= 1_000 && took < 1_500, `${took} ms`);
    });
  }

  it("a leader that dies, with default options: one more fetch, stored, and nobody falls back", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(3_000, () => "value");
    const backend = memoryAdapter();
    let dead = false;
    const leader = Cache.make({
      adapter: processOver(backend, { trouble: () => dead ? "hang" : undefined }),
    });
    const followers = times(2, () => Cache.make({ adapter: processOver(backend, { latency: 2 }) }));
    const began = simulation.now();
    const { results, entry, took } = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(leader.getOrSet(KEY, () => Effect.andThen(fetcher(), hanging)));
      yield* Effect.sleep(1_000);
      dead = true;
      const results = yield* all(
        followers.flatMap((cache) => times(20, () => cache.getOrSet(KEY, fetcher))),
      );
      const took = simulation.now() - began;
      return { results, entry: yield* backend.get(KEY), took };
    })));
    assert.equal(counter.fetches, 2);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 39 });
    assert.deepEqual(entry, { value: "value" });
    assert.ok(took < 10_000, `${took} ms`);
  });
});

describe("5. Failure is bounded", () => {
  for (const takeovers of [0, 1, 3]) {
    it(`takeovers: ${takeovers}, one process: ${takeovers + 1} fetches`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(50, (fetch) => Effect.fail(`no ${fetch}`));
      const cache = Cache.make({ adapter: memoryAdapter(), takeovers });
      const began = simulation.now();
      const errors = await simulation.run(
        all(times(50, () => errorOf(cache.getOrSet(KEY, fetcher)))),
      );
      assert.equal(counter.fetches, takeovers + 1);
      assert.equal(simulation.now() - began, 50 * (takeovers + 1));
      assert.deepEqual(
        errors.slice(0, takeovers + 1),
        times(takeovers + 1, (index) => `no ${index + 1}`),
      );
      for (const error of errors.slice(takeovers + 1)) {
        assert.ok(isCacheLockingError(error) && error._tag === "FETCHER_FAILED");
        assert.equal(error.cause, `no ${takeovers + 1}`);
      }
    });

    it(`takeovers: ${takeovers}, ten processes: ${takeovers + 1} fetches, and all fail in time`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(50, (fetch) => Effect.fail(`no ${fetch}`));
      const { clients } = processes(10, { takeovers });
      const began = simulation.now();
      const errors = await simulation.run(
        all(clients.flatMap((cache) => times(10, () => errorOf(cache.getOrSet(KEY, fetcher))))),
      );
      assert.equal(counter.fetches, takeovers + 1);
      assert.ok(simulation.now() - began < 100 * (takeovers + 1));
      const tags = errors.map(tagOf);
      assert.equal(tags.filter((tag) => tag === "FETCHER_FAILED").length, 100 - takeovers - 1);
    });
  }

  for (const takeovers of [1, 3]) {
    it(`takeovers: ${takeovers}, fetches that fail in no time: ${takeovers + 1}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(50, () => Effect.fail("slow"));
      let fetches = 0;
      const cache = Cache.make({ adapter: memoryAdapter(), takeovers });
      const errors = await simulation.run(
        all(
          times(
            20,
            (index) =>
              errorOf(
                cache.getOrSet(KEY, () =>
                  index === 0 ? fetcher() : Effect.suspend(() => Effect.fail(++fetches))),
              ),
          ),
        ),
      );
      assert.equal(counter.fetches + fetches, takeovers + 1);
      assert.equal(
        errors.map(tagOf).filter((tag) => tag === "FETCHER_FAILED").length,
        19 - takeovers,
      );
    });
  }

  it("a caller has its own fetcher's error, or a CacheLockingError: never another caller's", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: memoryAdapter() });
    class Mine {
      readonly _tag = "Mine";
    }
    class Yours {
      readonly _tag = "Yours";
    }
    const mine = cache.getOrSet(
      KEY,
      () => Effect.flatMap(Effect.sleep(5), () => Effect.fail(new Mine())),
    );
    const yours = cache.getOrSet(
      KEY,
      () => Effect.flatMap(Effect.sleep(5), () => Effect.fail(new Yours())),
    );
    const [first, second, third, fourth] = await simulation.run(
      all<unknown, never>([errorOf(mine), errorOf(yours), errorOf(mine), errorOf(yours)]),
    );
    assert.ok(first instanceof Mine);
    assert.ok(second instanceof Yours);
    for (const error of [third, fourth]) {
      assert.ok(isCacheLockingError(error) && error._tag === "FETCHER_FAILED");
      assert.ok(error.cause instanceof Yours);
    }
  });

  it("a caller that joined with fewer takeovers than its flight's starter fails when its own are up", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const { fetcher } = source(100, () => Effect.fail("no"));
    const { fetcher: slow } = source(1_000, () => "late");
    const leader = Cache.make({ adapter: processOver(backend) });
    const follower = Cache.make({ adapter: processOver(backend) });
    const [error, at, result] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(errorOf(leader.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(10);
      const starter = yield* start(follower.getOrSet(KEY, slow, { takeovers: 3 }));
      const began = simulation.now();
      const error = yield* errorOf(follower.getOrSet(KEY, slow, { takeovers: 0 }));
      return [error, simulation.now() - began, yield* Fiber.join(starter)] as const;
    })));
    assert.equal(tagOf(error), "FETCHER_FAILED");
    assert.equal(at, 90);
    assert.equal(result.meta.cache, "MISS-LEADER");
  });

  it("a cancelled leader is no failure", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(50, (fetch) => fetch);
    const { clients: [first, ...others] } = processes(5, { takeovers: 0 });
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leader = yield* start(first!.getOrSet(KEY, fetcher));
      yield* Effect.sleep(10);
      const herd = yield* start(all(others.map((cache) => cache.getOrSet(KEY, fetcher))));
      yield* Effect.sleep(10);
      yield* Fiber.interrupt(leader);
      const results = yield* Fiber.join(herd);
      assert.ok(results.every(({ value }) => value === 2));
    })));
    assert.equal(counter.fetches, 2);
  });

  it("a fetcher that interrupts itself counts as failed, and nobody hangs", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(50, () => Effect.interrupt);
    const { clients } = processes(3);
    const exits = await simulation.run(
      all(clients.flatMap((cache) => times(3, () => Effect.exit(cache.getOrSet(KEY, fetcher))))),
    );
    assert.equal(counter.fetches, 2);
    assert.ok(exits.every((exit) => exit._tag === "Failure"));
  });
});

describe("6. Waiting is bounded", () => {
  const never = <V>(first: Effect.Effect<V>, then: V) => {
    const { counter, fetcher } = source(
      50,
      (fetch) => fetch === 1 ? first : Effect.succeed(then),
    );
    return { counter, fetcher };
  };

  it("10,000 callers, a fetch of this process that hangs: one more after five minutes", async () => {
    const simulation = simulate();
    const { counter, fetcher } = never<string>(hanging, "fallback");
    const cache = Cache.make({ adapter: memoryAdapter(), waitMax: "1 second" });
    const began = simulation.now();
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(10);
      return yield* all(times(9_999, () => cache.getOrSet(KEY, fetcher)));
    })));
    assert.equal(counter.fetches, 2);
    assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-FALLBACK": 9_999 });
    assert.equal(simulation.now() - began, 300_050);
  });

  for (const by of ["leader", "fallback", "bypass"] as const) {
    it(`no second fetch beside one that this process runs, whatever waitMax says: ${by}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(3_000, () => "value");
      const backend = memoryAdapter();
      const trouble = (operation: string) =>
        by === "bypass" && operation === "get" ? "hang" : undefined;
      const cache = Cache.make({
        adapter: processOver(backend, { latency: 2, trouble }),
        waitMax: "1 second",
        onCacheFailure: "bypass",
        hooks: { onError: () => Effect.void },
      });
      const results = await simulation.run(Effect.gen(function* () {
        if (by === "fallback") yield* backend.acquire(KEY, "another", 60_000);
        return yield* all(
          [0, 0, 100, 1_500, 1_900].map((at) => Effect.delay(cache.getOrSet(KEY, fetcher), at)),
        );
      }));
      assert.equal(counter.fetches, 1);
      assert.ok(results.every(({ value }) => value === "value"));
    });
  }

  for (const poll of [false, true]) {
    it(`the leader elsewhere hangs: one fallback per process, ${poll ? "polling" : "with push"}`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = never<string>(hanging, "fallback");
      const { clients } = processes(5, { poll, waitMax: "1 second" });
      const began = simulation.now();
      const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
        yield* start(clients[0]!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(10);
        return yield* all(
          clients.slice(1).flatMap((cache) => times(10, () => cache.getOrSet(KEY, fetcher))),
        );
      })));
      assert.equal(counter.fetches, 1 + 4);
      assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-FALLBACK": 40 });
      assert.ok(simulation.now() - began < 1_100);
    });

    it(`a leader stores nothing: its waiters fall back at once, ${poll ? "polling" : "with push"}`, async () => {
      for (const uncached of [{ shouldCache: () => false }, { cacheTtl: 0 }]) {
        const simulation = simulate();
        const { counter, fetcher } = source(500, (fetch) => fetch);
        const { clients } = processes(5, { poll, ...uncached });
        const began = simulation.now();
        const results = await simulation.run(
          all(clients.flatMap((cache) => times(10, () => cache.getOrSet(KEY, fetcher)))),
        );
        assert.equal(counter.fetches, 5);
        assert.deepEqual(outcomes(results), {
          "MISS-LEADER-NOCACHE": 1,
          "MISS-FOLLOWER-HIT": 9,
          "MISS-FOLLOWER-FALLBACK": 40,
        });
        assert.ok(simulation.now() - began < (poll ? 1_300 : 1_020), `${simulation.now() - began}`);
      }
    });
  }

  it("fallbacks are shared even if the fetch takes no time", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    // One pause, so that all are sent away at once.
    const cache = Cache.make({
      adapter: processOver(backend),
      waitMax: "1 second",
      waitStrategy: fixedWaitStrategy("1 second"),
    });
    let fetches = 0;
    await simulation.run(Effect.flatMap(
      backend.acquire(KEY, "another", 60_000),
      () => all(times(20, () => cache.getOrSet(KEY, () => Effect.sync(() => ++fetches)))),
    ));
    assert.equal(fetches, 1);
  });

  it("a fallback that hangs is shared for five minutes; then another begins", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(
      50,
      (fetch) => fetch <= 2 ? hanging : Effect.succeed("third"),
    );
    const cache = Cache.make({
      adapter: memoryAdapter(),
      waitMax: "1 second",
      leaseTtl: "5 seconds",
    });
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(cache.getOrSet(KEY, fetcher));
      yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(10);
      return yield* all(times(10, () => cache.getOrSet(KEY, fetcher)));
    })));
    assert.equal(counter.fetches, 3);
    assert.ok(results.every(({ value }) => value === "third"));
  });

  it("a fetch that hangs doesn't block its key for good: its lease is let go", async () => {
    const simulation = simulate();
    const { fetcher } = never<string>(hanging, "second");
    const cache = Cache.make({ adapter: memoryAdapter(), leaseTtl: "1 second" });
    const result = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep("302 seconds");
      return yield* cache.getOrSet(KEY, fetcher);
    })));
    assert.deepEqual([result.value, result.meta.cache], ["second", "MISS-LEADER"]);
  });
});

describe("7. Cancelling hurts nobody else", () => {
  it("the first caller leaves: the fetch goes on for the others, and is stored", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(100, () => "value");
    const cache = Cache.make({ adapter: memoryAdapter() });
    const [result, hit] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const first = yield* start(cache.getOrSet(KEY, fetcher));
      const second = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(10);
      yield* Fiber.interrupt(first);
      return [yield* Fiber.join(second), yield* cache.getOrSet(KEY, fetcher)] as const;
    })));
    assert.equal(counter.fetches, 1);
    assert.equal(result.meta.cache, "MISS-FOLLOWER-HIT");
    assert.equal(hit.meta.cache, "HIT");
  });

  it("the last caller leaves: the fetch is interrupted, its signal fires, the lease is gone", async () => {
    const simulation = simulate();
    const { backend, clients: [cache] } = processes(1);
    const seen: string[] = [];
    const fetcher = ({ signal }: FetchContext) => {
      signal.addEventListener("abort", () => seen.push("signal"));
      return Effect.onInterrupt(hanging, () => Effect.sync(() => seen.push("interrupted")));
    };
    const acquired = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const callers = [];
      for (let caller = 0; caller < 3; caller++) {
        callers.push(yield* start(cache!.getOrSet(KEY, fetcher)));
      }
      yield* Effect.sleep(10);
      for (const caller of callers) {
        assert.deepEqual(seen, []);
        yield* Fiber.interrupt(caller);
      }
      return yield* backend.acquire(KEY, "next", 1_000);
    })));
    assert.deepEqual(seen, ["signal", "interrupted"]);
    assert.equal(acquired._tag, "Leader");
  });

  it("the one that reads is interrupted: whoever came meanwhile goes on", async () => {
    const simulation = simulate();
    const { clients: [cache], stores: [store] } = processes(1);
    const { counter, fetcher } = source(10, () => "value");
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const first = yield* start(cache!.getOrSet(KEY, fetcher));
      const others = yield* start(all(times(5, () => cache!.getOrSet(KEY, fetcher))));
      yield* Effect.sleep(1);
      yield* Fiber.interrupt(first);
      return yield* Fiber.join(others);
    })));
    assert.equal(counter.fetches, 1);
    assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-HIT": 5 });
    assert.deepEqual(store!.operations, ["get", "acquire", "fill"]);
  });

  it("an acquire that is interrupted leaves no lease", async () => {
    for (const at of [1, 2, 3, 4, 5]) {
      const simulation = simulate();
      const backend = memoryAdapter();
      const cache = Cache.make({ adapter: processOver(backend, { latency: 4 }) });
      const acquired = await simulation.run(Effect.scoped(Effect.gen(function* () {
        const caller = yield* start(cache.getOrSet(KEY, () => hanging));
        yield* Effect.sleep(4 + at);
        yield* Fiber.interrupt(caller);
        yield* Effect.sleep(10);
        return yield* backend.acquire(KEY, "next", 1_000);
      })));
      assert.equal(acquired._tag, "Leader", `interrupted ${at} ms into the acquire`);
    }
  });

  it("a fetch that is interrupted while its value is stored is stored", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const store = processOver(backend, { latency: 4 });
    const cache = Cache.make({ adapter: store });
    const { fetcher } = source(10, () => "value");
    const entry = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const caller = yield* start(cache.getOrSet(KEY, fetcher));
      yield* Effect.sleep(4 + 4 + 10 + 1);
      yield* Fiber.interrupt(caller);
      return yield* backend.get(KEY);
    })));
    assert.equal(entry?.value, "value");
    assert.deepEqual(store.operations, ["get", "acquire", "fill"]);
  });
});

describe("8. A fetched value is never thrown away", () => {
  for (const kind of ["before", "after", "hang"] as const) {
    it(`the fill fails (${kind}): all callers here get the value, and it is reported`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(10, () => "value");
      const backend = memoryAdapter();
      const trouble = (operation: string) => operation === "fill" ? kind : undefined;
      const errors: string[] = [];
      const cache = Cache.make({
        adapter: processOver(backend, { latency: 2, trouble }),
        hooks: { onError: (error) => Effect.sync(() => void errors.push(error._tag)) },
      });
      const began = simulation.now();
      const [results, acquired] = await simulation.run(Effect.gen(function* () {
        const results = yield* all(times(10, () => cache.getOrSet(KEY, fetcher)));
        const took = simulation.now() - began;
        assert.ok(took <= 14 + 500, `${took} ms`);
        // What hangs goes on apart, until its time is out.
        yield* Effect.sleep(2_000);
        return [results, yield* backend.acquire(KEY, "next", 1_000)] as const;
      }));
      assert.equal(counter.fetches, 1);
      assert.deepEqual(outcomes(results), { "MISS-LEADER-NOCACHE": 1, "MISS-FOLLOWER-HIT": 9 });
      assert.deepEqual(errors, ["CACHE_SET_FAILED"]);
      assert.equal(acquired._tag, kind === "after" ? "Hit" : "Leader");
    });
  }
});

describe("8. A fetched value is never withheld", () => {
  for (const [hanging, uncached] of [["fill", {}], ["release", { cacheTtl: 0 }]] as const) {
    it(`a ${hanging} that hangs: all callers get the value, at waitMax at the latest`, async () => {
      const simulation = simulate();
      const { counter, fetcher } = source(100, () => "value");
      const trouble = (operation: string) => operation === hanging ? "hang" : undefined;
      const cache = Cache.make({
        adapter: processOver(memoryAdapter(), { latency: 2, trouble }),
        operationTimeout: "1 minute",
        ...uncached,
      });
      const began = simulation.now();
      const call = (at: number, waitMax: number) =>
        Effect.map(
          Effect.delay(cache.getOrSet(KEY, fetcher, { waitMax }), at),
          ({ value, meta }) => [value, meta.cache, simulation.now() - began],
        );
      const results = await simulation.run(
        all([call(0, 300), call(0, 300), call(50, 10_000), call(250, 200), call(1_000, 300)]),
      );
      assert.equal(counter.fetches, 1);
      assert.deepEqual(results, [
        ["value", "MISS-LEADER-NOCACHE", 604],
        ["value", "MISS-FOLLOWER-HIT", 300],
        ["value", "MISS-FOLLOWER-HIT", 604],
        ["value", "MISS-FOLLOWER-HIT", 450],
        ["value", "MISS-FOLLOWER-HIT", 1_000],
      ]);
    });
  }

  it("a fill that was slow is stored, though its value was given out before", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(100, () => "value");
    const backend = memoryAdapter();
    const adapter: Store<unknown> = {
      ...processOver(backend),
      fill: (...fill) => Effect.delay(backend.fill(...fill), 1_500),
    };
    const cache = Cache.make({ adapter });
    const began = simulation.now();
    const [results, took, later] = await simulation.run(Effect.gen(function* () {
      const results = yield* all(times(3, () => cache.getOrSet(KEY, fetcher)));
      const took = simulation.now() - began;
      yield* Effect.sleep(2_000);
      return [results, took, yield* cache.getOrSet(KEY, fetcher)] as const;
    }));
    assert.deepEqual(outcomes(results), { "MISS-LEADER-NOCACHE": 1, "MISS-FOLLOWER-HIT": 2 });
    assert.equal(took, 600);
    assert.equal(later.meta.cache, "HIT");
    assert.equal(counter.fetches, 1);
  });
});

describe("9. No trust in wall clocks", () => {
  it("a wall clock that jumps by an hour ends no wait", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(1_000, () => "value");
    const { clients } = processes(3);
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(
        Effect.flatMap(Effect.sleep(500), () => Effect.sync(() => simulation.skew(3_600_000))),
      );
      return yield* all(clients.map((cache) => cache.getOrSet(KEY, fetcher)));
    })));
    assert.equal(counter.fetches, 1);
    assert.ok(results.every(({ value }) => value === "value"));
    assert.ok(results.every(({ meta }) => Duration.toMillis(meta.waited ?? Duration.zero) < 1_100));
  });
});

describe("10. Every value is a value", () => {
  for (const value of [null, undefined, 0, "", false, Number.NaN]) {
    it(`${value === "" ? "''" : value} is cached and hit`, async () => {
      const simulation = simulate();
      for (const adapter of [memoryAdapter(), processOver(memoryAdapter())]) {
        const { counter, fetcher } = source(10, () => value);
        const cache = Cache.make({ adapter });
        const first = await simulation.run(cache.getOrSet(KEY, fetcher));
        const second = await simulation.run(cache.getOrSet(KEY, fetcher));
        assert.deepEqual([first.value, second.value], [value, value]);
        assert.deepEqual([first.meta.cache, second.meta.cache], ["MISS-LEADER", "HIT"]);
        assert.equal(counter.fetches, 1);
        assert.deepEqual(await simulation.run(cache.get(KEY)), Option.some(value));
      }
    });
  }
});

describe("11. A bad entry is a miss", () => {
  it("what can't be decoded is reported and refilled", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    let corrupt = true;
    const bad: Store<unknown> = {
      ...processOver(backend),
      get: (key) =>
        corrupt
          ? Effect.fail(
            new AdapterError("get", key, undefined, { corrupt: true, reason: "bad bytes" }),
          )
          : backend.get(key),
      fill: (key, owner, value, ttl) => {
        corrupt = false;
        return backend.fill(key, owner, value, ttl);
      },
    };
    const errors: string[] = [];
    const cache = Cache.make({
      adapter: bad,
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error.message)) },
    });
    assert.deepEqual(await simulation.run(cache.get(KEY)), Option.none());
    const { fetcher } = source(10, () => "value");
    const first = await simulation.run(cache.getOrSet(KEY, fetcher));
    const second = await simulation.run(cache.getOrSet(KEY, fetcher));
    assert.deepEqual([first.meta.cache, second.meta.cache], ["MISS-LEADER", "HIT"]);
    const message = 'Cannot read the entry of "user:42": bad bytes';
    assert.deepEqual(errors, [message, message]);
  });
});

describe("12. Constant cost per process", () => {
  for (const callers of [1, 10, 1_000]) {
    it(`${callers} callers: get, acquire, fill; and one get for all hits`, async () => {
      const simulation = simulate();
      const { fetcher } = source(200, () => "value");
      const { clients: [cache], stores: [store] } = processes(1);
      const herd = all(times(callers, () => cache!.getOrSet(KEY, fetcher)));
      await simulation.run(herd);
      assert.deepEqual(store!.operations, ["get", "acquire", "fill"]);
      await simulation.run(herd);
      assert.deepEqual(store!.operations, ["get", "acquire", "fill", "get"]);
    });

    it(`${callers} callers that follow with push: get, acquire, watch, acquire, acquire`, async () => {
      const simulation = simulate();
      const { fetcher } = source(200, () => "value");
      const { clients: [leader, follower], stores: [, store] } = processes(2);
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        yield* start(leader!.getOrSet(KEY, fetcher));
        yield* Effect.sleep(1);
        yield* all(times(callers, () => follower!.getOrSet(KEY, fetcher)));
      })));
      assert.deepEqual(store!.operations, ["get", "acquire", "watch", "acquire", "acquire"]);
    });
  }
});
