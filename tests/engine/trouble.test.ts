import { Duration, Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  AdapterError,
  type AdapterOperation,
  Cache,
  type CacheLockingError,
  type CallOptions,
  isCacheLockingError,
  type Store,
} from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { all, errorOf, KEY, outcomes, source, start, tagOf, times } from "../support/herd.ts";
import { processOver, type Trouble } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const failing = (kind: "before" | "after" | "hang", ...which: AdapterOperation[]): Trouble => ({
  latency: 2,
  trouble: (operation) => which.includes(operation) ? kind : undefined,
});

describe("onCacheFailure", () => {
  for (const kind of ["before", "after", "hang"] as const) {
    for (const operation of ["get", "acquire"] as const) {
      const tag = operation === "get" ? "CACHE_GET_FAILED" : "LEASE_ACQUIRE_FAILED";

      it(`'fail': a ${operation} that fails (${kind}) fails all callers, within operationTimeout`, async () => {
        const simulation = simulate();
        const { counter, fetcher } = source(10, () => "value");
        const cache = Cache.make({
          adapter: processOver(memoryAdapter(), failing(kind, operation)),
        });
        const began = simulation.now();
        const errors = await simulation.run(
          all(times(20, () => errorOf(cache.getOrSet(KEY, fetcher)))),
        );
        assert.deepEqual(errors.map(tagOf), times(20, () => tag));
        assert.equal(counter.fetches, 0);
        assert.ok(simulation.now() - began <= 2_004, `${simulation.now() - began} ms`);
        const [error] = errors;
        assert.ok(isCacheLockingError(error) && error.cause instanceof AdapterError);
        assert.deepEqual(error.context, { key: KEY, phase: operation, adapter: "remote" });
        if (kind === "hang") assert.match(error.message, /remote did not answer within 2000 ms$/);
      });

      it(`'bypass': a ${operation} that fails (${kind}): one fetch, all callers have it`, async () => {
        const simulation = simulate();
        const { counter, fetcher } = source(10, () => "value");
        const reported: CacheLockingError[] = [];
        const cache = Cache.make({
          adapter: processOver(memoryAdapter(), failing(kind, operation)),
          onCacheFailure: "bypass",
          hooks: { onError: (error) => Effect.sync(() => void reported.push(error)) },
        });
        const began = simulation.now();
        const results = await simulation.run(
          all(times(20, () => cache.getOrSet(KEY, fetcher))),
        );
        assert.equal(counter.fetches, 1);
        assert.deepEqual(outcomes(results), { BYPASS: 20 });
        assert.deepEqual(reported.map(tagOf), [tag]);
        assert.ok(simulation.now() - began <= 2_014, `${simulation.now() - began} ms`);
      });
    }
  }

  it("'bypass' of one caller doesn't bend to the 'fail' of the one it joined", async () => {
    const simulation = simulate();
    const { fetcher } = source(10, () => "value");
    const adapter = processOver(memoryAdapter(), failing("before", "get"));
    const call = (onCacheFailure: "fail" | "bypass") =>
      Cache.getOrSet({ adapter, key: KEY, fetcher, onCacheFailure });
    const [first, second] = await simulation.run(
      all([Effect.exit(call("fail")), Effect.exit(call("bypass"))]),
    );
    assert.equal(first?._tag, "Failure");
    assert.equal(second?._tag, "Success");
  });

  it("'bypass' of those who joined a 'fail': one fetch, even if nothing takes any time", async () => {
    const simulation = simulate();
    let fetches = 0;
    const adapter: Store<unknown> = {
      ...processOver(memoryAdapter(), failing("before", "get")),
      acquire: (key) => Effect.fail(new AdapterError("acquire", key)),
    };
    const call = (onCacheFailure: "fail" | "bypass") =>
      Cache.getOrSet({
        adapter,
        key: KEY,
        fetcher: () => Effect.sync(() => ++fetches),
        onCacheFailure,
        hooks: { onError: () => Effect.void },
      });
    const calls = times(10, (index) => Effect.exit(call(index === 0 ? "fail" : "bypass")));
    const exits = await simulation.run(all(calls));
    assert.deepEqual(exits.map(({ _tag }) => _tag), ["Failure", ...times(9, () => "Success")]);
    assert.equal(fetches, 1);
  });

  it("an acquire that interrupts itself has failed", async () => {
    const simulation = simulate();
    const adapter: Store<unknown> = {
      ...processOver(memoryAdapter()),
      acquire: () => Effect.interrupt,
    };
    const error = await simulation.run(
      errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher: () => Effect.succeed(1) })),
    );
    assert.equal(tagOf(error), "LEASE_ACQUIRE_FAILED");
  });

  it("a defect on the way to a flight leaves no flight behind", async () => {
    const simulation = simulate();
    const adapter = processOver(memoryAdapter());
    const answers = [null, undefined];
    const wrong = {
      ...adapter,
      get: () => Effect.map(Effect.sleep(1), () => answers.shift()),
    } as Store<unknown>;
    const call = Cache.getOrSet({ adapter: wrong, key: KEY, fetcher: () => Effect.succeed(1) });
    const [first, joined] = await simulation.run(all([Effect.exit(call), Effect.exit(call)]));
    assert.equal(first?._tag, "Failure");
    assert.ok(joined?._tag === "Success" && joined.value.meta.cache === "MISS-LEADER");
    assert.equal(flightsUnderWay(wrong), 0);
  });

  it("an acquire whose reply was lost leaves no lease behind", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const cache = Cache.make({ adapter: processOver(backend, failing("after", "acquire")) });
    await simulation.run(errorOf(cache.getOrSet(KEY, () => Effect.succeed("value"))));
    await simulation.run(Effect.sleep(10));
    const acquired = await simulation.run(backend.acquire(KEY, "next", 1_000));
    assert.equal(acquired._tag, "Leader");
  });

  it("what an adapter throws is an AdapterError too", async () => {
    const simulation = simulate();
    const adapter: Store<unknown> = {
      ...processOver(memoryAdapter()),
      get: () => {
        throw new Error("a bug");
      },
    };
    const error = await simulation.run(
      errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher: () => Effect.succeed(1) })),
    );
    assert.ok(isCacheLockingError(error) && error._tag === "CACHE_GET_FAILED");
    assert.equal(error.message, 'Cannot read the entry of "user:42": a bug');
  });
});

describe("the message of an AdapterError", () => {
  const causes: readonly (readonly [unknown, string])[] = [
    [new Error("no connection"), "no connection"],
    // Node's, when neither of the addresses of localhost answers.
    [
      Object.assign(new AggregateError([new Error("a"), new Error("b")]), { code: "ECONNREFUSED" }),
      "ECONNREFUSED",
    ],
    [new Error(), "the backend failed"],
    ["text", "the backend failed"],
    [undefined, "the backend failed"],
  ];
  for (const [cause, why] of causes) {
    it(`tells of ${cause instanceof Error ? cause.name : cause}: ${why}`, () => {
      const { message } = new AdapterError("get", KEY, cause);
      assert.equal(message, `Cannot read the entry of "${KEY}": ${why}`);
    });
  }
});

describe("onError", () => {
  it("a release that fails is reported, and the fetcher's error is the call's", async () => {
    const simulation = simulate();
    const reported: string[] = [];
    const cache = Cache.make({
      adapter: processOver(memoryAdapter(), failing("before", "release")),
      hooks: {
        onError: (error, { key }) => Effect.sync(() => void reported.push(`${error._tag} ${key}`)),
      },
    });
    const error = await simulation.run(errorOf(cache.getOrSet(KEY, () => Effect.fail("no"))));
    assert.equal(error, "no");
    assert.deepEqual(reported, [`LEASE_RELEASE_FAILED ${KEY}`]);
  });

  it("renewals that fail are reported, and tried again", async () => {
    const simulation = simulate();
    const reported: string[] = [];
    let renewals = 0;
    const cache = Cache.make({
      leaseTtl: "3 seconds",
      adapter: processOver(memoryAdapter(), {
        trouble: (operation) => operation === "renew" && ++renewals === 1 ? "before" : undefined,
      }),
      hooks: { onError: (error) => Effect.sync(() => void reported.push(error._tag)) },
    });
    const { fetcher } = source(8_000, () => "value");
    const result = await simulation.run(cache.getOrSet(KEY, fetcher));
    assert.equal(result.meta.cache, "MISS-LEADER");
    assert.deepEqual(reported, ["LEASE_ACQUIRE_FAILED"]);
  });

  for (const broken of ["opening", "standing"] as const) {
    it(`a watch that fails (${broken}) is reported once, and waiting polls`, async () => {
      const simulation = simulate();
      const backend = memoryAdapter();
      const reported: string[] = [];
      const failed = Effect.fail(new AdapterError("watch", KEY, new Error("no connection")));
      const adapter: Store<unknown> = {
        ...processOver(backend),
        watch: () => broken === "opening" ? failed : Effect.succeed({ next: failed }),
      };
      const cache = Cache.make({
        adapter,
        hooks: { onError: (error) => Effect.sync(() => void reported.push(error._tag)) },
      });
      const leader = Cache.make({ adapter: processOver(backend) });
      const { counter, fetcher } = source(1_000, () => "value");
      const [, result] = await simulation.run(
        all([leader.getOrSet(KEY, fetcher), cache.getOrSet(KEY, fetcher)]),
      );
      assert.equal(result!.meta.cache, "MISS-FOLLOWER-HIT");
      assert.ok(Duration.toMillis(result!.meta.waited!) < 1_300);
      assert.deepEqual(reported, ["WAIT_FAILED"]);
      assert.equal(counter.fetches, 1);
    });
  }

  it("a store that finds that it has no push is polled, as one that has no watch", async () => {
    const waited = async (watch: Partial<Store<unknown>>) => {
      const simulation = simulate();
      const backend = memoryAdapter();
      const adapter: Store<unknown> = { ...processOver(backend, { poll: true }), ...watch };
      const errors: unknown[] = [];
      const asked: number[] = [];
      const { fetcher } = source(600, () => "value");
      const [, result] = await simulation.run(all([
        Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }),
        Cache.getOrSet({
          adapter,
          key: KEY,
          fetcher,
          waitStrategy: ({ attempt, push, waitStep }) => {
            if (!push) asked.push(attempt);
            return push ? "1 minute" : waitStep;
          },
          hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
        }),
      ]));
      assert.deepEqual(errors, []);
      assert.deepEqual(asked, [1, 2, 3]);
      return Duration.toMillis(result!.meta.waited!);
    };
    assert.equal(await waited({}), 750);
    assert.equal(await waited({ watch: () => Effect.succeed(undefined) }), 750);
  });

  it("a push that is lost costs no more than a precautionary look", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const adapter: Store<unknown> = {
      ...processOver(backend),
      watch: () => Effect.succeed({ next: Effect.never }),
    };
    const { counter, fetcher } = source(100, () => "value");
    const [, result] = await simulation.run(all([
      Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }),
      Cache.getOrSet({ adapter, key: KEY, fetcher }),
    ]));
    const waited = Duration.toMillis(result!.meta.waited!);
    assert.ok(waited >= 750 && waited <= 1_000, `${waited}`);
    assert.equal(counter.fetches, 1);
  });

  it("an onError hook that fails fails the call of the caller that it belongs to, and no other", async () => {
    const simulation = simulate();
    const adapter = processOver(memoryAdapter(), failing("before", "fill"));
    const { fetcher } = source(10, () => "value");
    const first = Cache.getOrSet({
      adapter,
      key: KEY,
      fetcher,
      hooks: { onError: () => Effect.fail("the hook's" as const) },
    });
    const second = Cache.getOrSet({ adapter, key: KEY, fetcher });
    const [error, none] = await simulation.run(
      all<unknown, never>([errorOf(first), errorOf(second)]),
    );
    assert.equal(error, "the hook's");
    assert.equal(none, undefined);
  });
});

describe("a look that fails", () => {
  const follow = async (
    { from = 500, to, kind = "before", ...options }: {
      readonly from?: number;
      readonly to: number;
      readonly kind?: "before" | "hang" | "after";
    } & CallOptions<unknown>,
  ) => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const began = simulation.now();
    const now = () => simulation.now() - began;
    const reported: string[] = [];
    const down = (operation: string) =>
      operation !== "watch" && now() >= from && now() < to ? kind : undefined;
    const leader = Cache.make({ adapter: processOver(backend) });
    const follower = Cache.make({
      waitMax: "20 seconds",
      ...options,
      adapter: processOver(backend, { poll: true, trouble: down }),
      hooks: { onError: (error) => Effect.sync(() => void reported.push(error._tag)) },
    });
    const { counter, fetcher } = source(6_000, () => "value");
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(leader.getOrSet(KEY, fetcher));
      yield* Effect.sleep(1);
      const call = Effect.match(follower.getOrSet(KEY, fetcher), {
        onSuccess: ({ value, meta }) => ({ value, end: meta.cache as string, at: now() }),
        onFailure: (error) => ({ value: undefined, end: String(tagOf(error)), at: now() }),
      });
      return yield* all([call, Effect.delay(call, 100), Effect.delay(call, 400)]);
    })));
    return { results, reported, fetches: counter.fetches };
  };

  for (const kind of ["before", "hang", "after"] as const) {
    it(`decides nothing: who waits looks again, and is told once (${kind})`, async () => {
      const { results, reported, fetches } = await follow({ to: 5_000, kind });
      for (const { value, end } of results) {
        assert.deepEqual([value, end], ["value", "MISS-FOLLOWER-HIT"]);
      }
      assert.deepEqual(reported, ["LEASE_ACQUIRE_FAILED"]);
      assert.equal(fetches, 1);
    });
  }

  it("fails its callers only when waitMax is over, each by its own time", async () => {
    const { results, reported } = await follow({ to: Infinity, waitMax: "3 seconds" });
    assert.deepEqual(results.map(({ end }) => end), Array(3).fill("LEASE_ACQUIRE_FAILED"));
    const late = results.map(({ at }, index) => at - [0, 100, 400][index]!);
    assert.ok(late.every((millis) => millis >= 2_999 && millis < 3_500), `${late}`);
    assert.ok(reported.length <= 3, `${reported}`);
  });

  it("makes who bypasses fetch when waitMax is over", async () => {
    const { results, reported, fetches } = await follow({
      to: Infinity,
      waitMax: "3 seconds",
      onCacheFailure: "bypass",
    });
    assert.deepEqual(results.map(({ end }) => end), Array(3).fill("BYPASS"));
    assert.equal(fetches, 2);
    assert.deepEqual([...new Set(reported)], ["LEASE_ACQUIRE_FAILED"]);
  });
});

describe("a watch that hangs as it is opened", () => {
  /** A follower of a lease that lives on, whose watch hangs; its looks hang, too, from a time on. */
  async function follower(
    { fetchTime = 60_000, lostAt = Infinity, watch }: {
      readonly fetchTime?: number;
      readonly lostAt?: number;
      readonly watch: NonNullable<Store<unknown>["watch"]>;
    },
  ) {
    const simulation = simulate();
    const began = simulation.now();
    const backend = memoryAdapter();
    const adapter: Store<unknown> = {
      ...processOver(backend, {
        poll: true,
        trouble: () => simulation.now() - began >= lostAt ? "hang" : undefined,
      }),
      watch: (key) =>
        Effect.onInterrupt(
          watch(key),
          () => Effect.sync(() => void (calledOff = simulation.now() - began)),
        ),
    };
    const reported: string[] = [];
    let calledOff: number | undefined;
    const { fetcher } = source(fetchTime, () => "the leader's");
    return await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }));
      yield* Effect.sleep(1);
      const { value, meta } = yield* Cache.getOrSet({
        adapter,
        key: KEY,
        fetcher: () => Effect.succeed("its own"),
        waitStep: 50,
        operationTimeout: 500,
        onCacheFailure: "bypass",
        hooks: { onError: (error) => Effect.sync(() => void reported.push(error._tag)) },
      });
      const took = simulation.now() - began;
      // Until nothing of it is left.
      yield* Effect.sleep(1_000);
      return { value, cache: meta.cache, took, reported, calledOff };
    })));
  }

  const notes = () => {
    const seen: string[] = [];
    return { seen, note: (what: string) => Effect.sync(() => void seen.push(what)) };
  };

  it("holds up no look: where the backend hangs, too, the call takes waitMax and one operationTimeout", async () => {
    const { took, cache, reported } = await follower({ lostAt: 2, watch: () => Effect.never });
    assert.equal(cache, "BYPASS");
    assert.ok(took <= 1 + 10_000 + 500, `${took} ms`);
    assert.deepEqual(reported.sort(), ["LEASE_ACQUIRE_FAILED", "WAIT_FAILED"]);
  });

  it("is reported after its operationTimeout, and waiting polls", async () => {
    const { value, reported, took } = await follower({
      fetchTime: 1_000,
      watch: () => Effect.never,
    });
    assert.equal(value, "the leader's");
    assert.deepEqual(reported, ["WAIT_FAILED"]);
    assert.ok(took <= 1_000 + 50, `${took} ms`);
  });

  it("is called off as the value is there", async () => {
    const { value, took, calledOff } = await follower({
      fetchTime: 100,
      watch: () => Effect.never,
    });
    assert.equal(value, "the leader's");
    assert.ok(took <= 100 + 4 * 50, `${took} ms`);
    assert.equal(calledOff, took);
  });

  it("is called off before what it has opened is closed", async () => {
    const { seen, note } = notes();
    const opened = (what: string) =>
      Effect.acquireRelease(note(`${what} opened`), () => note(`${what} closed`));
    const watch = Effect.gen(function* () {
      yield* opened("connection");
      yield* Effect.sleep(1);
      yield* opened("channel");
      return yield* Effect.onInterrupt(Effect.never, () => note("called off"));
    });
    const { value } = await follower({ fetchTime: 100, watch: () => watch });
    assert.equal(value, "the leader's");
    assert.deepEqual(seen, [
      "connection opened",
      "channel opened",
      "called off",
      "channel closed",
      "connection closed",
    ]);
  });

  it("holds no value up where it can't be called off, and leaves nothing open in the end", async () => {
    const { seen, note } = notes();
    const watch = Effect.acquireRelease(
      Effect.as(Effect.andThen(Effect.sleep(300), note("opened")), { next: Effect.never }),
      () => note("closed"),
    );
    const { value, took } = await follower({ fetchTime: 100, watch: () => watch });
    assert.equal(value, "the leader's");
    assert.ok(took <= 100 + 4 * 50, `${took} ms`);
    assert.deepEqual(seen, ["opened", "closed"]);
  });
});

describe("waiting", () => {
  /** A follower that polls while a leader elsewhere takes a second; gives its looks, each as the time since the last. */
  async function looks(
    options: { waitStrategy?: () => number; waitStep?: number; poll?: boolean },
  ) {
    const simulation = simulate();
    const backend = memoryAdapter();
    const at: number[] = [];
    const { poll = true, ...waiting } = options;
    const adapter = processOver(backend, {
      poll,
      trouble: (operation) => {
        if (operation === "acquire") at.push(simulation.now());
        return undefined;
      },
    });
    const { fetcher } = source(1_000, () => "value");
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }));
      yield* Effect.sleep(1);
      yield* Cache.getOrSet({ adapter, key: KEY, fetcher, ...waiting });
    })));
    return at.slice(1).map((time, index) => time - at[index]!);
  }

  it("polls by the strategy", async () => {
    assert.deepEqual(await looks({ waitStrategy: () => 300 }), [300, 300, 300, 300]);
  });

  it("a strategy that says zero is no busy loop", async () => {
    const pauses = await looks({ waitStrategy: () => 0 });
    assert.equal(pauses.length, 100);
    assert.ok(pauses.every((pause) => pause === 10));
  });

  it("by default pauses start small, are jittered, and grow to waitStep", async () => {
    const pauses = await looks({ waitStep: 200 });
    assert.ok(pauses[0]! <= 20 && pauses[1]! <= 40 && pauses[2]! <= 80, String(pauses));
    assert.ok(pauses.every((pause) => pause <= 200 && pause >= 10), String(pauses));
    assert.ok(pauses.length < 15, String(pauses));
  });

  it("with push it looks once more at once, and then when it is woken", async () => {
    assert.deepEqual(await looks({ poll: false, waitStep: 400 }), [0, 999]);
  });

  it("with push it looks as a precaution, jittered, every three to four times waitStep", async () => {
    const pauses = await looks({ poll: false, waitStep: 100 });
    const precautions = pauses.slice(1, -1);
    assert.ok(precautions.every((pause) => pause >= 300 && pause <= 400), String(pauses));
    assert.equal(new Set(precautions).size, precautions.length);
  });

  it("is over with the lease", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const adapter = processOver(backend);
    const result = await simulation.run(Effect.flatMap(
      backend.acquire(KEY, "a dead process", 700),
      () =>
        Cache.getOrSet({
          adapter,
          key: KEY,
          fetcher: () => Effect.succeed("value"),
          waitStrategy: () => 60_000,
        }),
    ));
    assert.equal(result.meta.cache, "MISS-LEADER");
    assert.ok(Duration.toMillis(result.meta.waited!) <= 710);
  });

  const nonsense: [string, () => unknown][] = [
    ["throws", () => {
      throw new Error("a bug");
    }],
    ["returns NaN", () => Number.NaN],
    ["returns a negative number", () => -1],
    ["returns nothing", () => undefined],
    ["returns an object", () => ({})],
  ];
  for (const [name, waitStrategy] of nonsense) {
    it(`a strategy that ${name} is WAIT_STRATEGY_FAILED, for its own caller only`, async () => {
      const simulation = simulate();
      const backend = memoryAdapter();
      const { fetcher } = source(100, () => "value");
      const adapter = processOver(backend, { poll: true });
      const call = { adapter, key: KEY, fetcher };
      const [, error, none] = await simulation.run(all<unknown, never>([
        errorOf(Cache.getOrSet({ ...call, adapter: processOver(backend) })),
        errorOf(Cache.getOrSet({ ...call, waitStrategy: waitStrategy as () => number })),
        errorOf(Cache.getOrSet(call)),
      ]));
      assert.equal(tagOf(error), "WAIT_STRATEGY_FAILED");
      assert.equal(none, undefined);
    });
  }

  it("waitMax: 0 waits for nobody, and fallbacks are still shared", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const { counter, fetcher } = source(100, () => "value");
    const adapter = processOver(backend);
    const results = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }));
      yield* Effect.sleep(10);
      return yield* all(
        times(20, () => Cache.getOrSet({ adapter, key: KEY, fetcher, waitMax: 0 })),
      );
    })));
    assert.equal(counter.fetches, 2);
    assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-FALLBACK": 20 });
  });
});

describe("coalesce: false", () => {
  it("each caller has a flight of its own, and the lease still lets one fetch", async () => {
    const simulation = simulate();
    const { counter, fetcher } = source(100, () => "value");
    const store = processOver(memoryAdapter());
    const cache = Cache.make({ adapter: store, coalesce: false });
    const results = await simulation.run(all(times(10, () => cache.getOrSet(KEY, fetcher))));
    assert.equal(counter.fetches, 1);
    assert.equal(store.counts.get, 10);
    assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 9 });
  });

  it("the first caller's fetcher runs in the first caller's context", async () => {
    const simulation = simulate();
    const seen: unknown[] = [];
    const cache = Cache.make({ adapter: memoryAdapter() });
    const call = (name: string) =>
      Effect.annotateSpans(
        cache.getOrSet(KEY, () =>
          Effect.flatMap(Effect.sleep(10), () =>
            Effect.flatMap(Effect.spanAnnotations, (all) =>
              Effect.sync(() =>
                void seen.push(JSON.stringify(all))
              )))),
        "caller",
        name,
      );
    const herd = all([call("first"), call("second")]);
    const fiber = Effect.scoped(Effect.flatMap(start(herd), Fiber.join));
    await simulation.run(fiber);
    assert.equal(seen.length, 1);
    assert.match(String(seen[0]), /first/);
  });
});
