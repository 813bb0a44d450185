import { Effect, Option } from "effect";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { afterEach, describe, it } from "node:test";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import {
  backoffWaitStrategy,
  CacheLockingError,
  type CacheOptions,
  type CallOptions,
  createCache,
  fixedWaitStrategy,
} from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { fakeSignal } from "../support/fake_signal.ts";
import { processOver } from "../support/process_store.ts";

const KEY = "user:42";

/** A cache over a store of its own, in this process, or as if it were a round trip away. */
function cacheOf(options: Omit<CacheOptions<never>, "adapter"> = {}, store = memoryAdapter()) {
  return createCache({ adapter: store, ...options });
}

function remote() {
  return processOver(memoryAdapter());
}

/** A fetch that goes on until it is told to end. */
function pending<V>() {
  let end!: (value: V) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<V>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  let fetches = 0;
  const fetcher = () => {
    fetches++;
    return promise;
  };
  return { end, fail, fetcher, fetches: () => fetches };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("It isn't rejected");
}

async function failure(promise: Promise<unknown>): Promise<CacheLockingError> {
  const error = await rejection(promise);
  assert(error instanceof CacheLockingError, `${error} is no CacheLockingError`);
  return error;
}

for (
  const [place, open] of [["this process", memoryAdapter], ["a remote store", remote]] as const
) {
  describe(`a cache in promises, over ${place}`, () => {
    it("fetches once for all who ask, and hits then", async () => {
      const cache = cacheOf({}, open());
      const { end, fetcher, fetches } = pending<string>();
      const calls = Array.from({ length: 50 }, () => cache.getOrSet(KEY, fetcher));
      await turn();
      end("Ada");
      assert.deepEqual(new Set(await Promise.all(calls)), new Set(["Ada"]));
      assert.equal(await cache.getOrSet(KEY, fetcher), "Ada");
      assert.equal(fetches(), 1);
    });

    it("says how each call got its value, with times in milliseconds", async () => {
      const cache = cacheOf({}, open());
      const { end, fetcher } = pending<string>();
      const calls = [1, 2].map(() => cache.getOrSetResult(KEY, fetcher));
      await sleep(5);
      end("Ada");
      const [led, followed] = await Promise.all(calls);
      assert.equal(led!.value, "Ada");
      assert.equal(led!.meta.cache, "MISS-LEADER");
      assert.equal(followed!.meta.cache, "MISS-FOLLOWER-HIT");
      assert.ok(followed!.meta.leaseUntil! > Date.now());
      assert.ok(Number.isInteger(followed!.meta.waited) && followed!.meta.waited! < 10_000);
      const hit = await cache.getOrSetResult(KEY, fetcher);
      assert.deepEqual(hit, { value: "Ada", meta: { cache: "HIT" } });
    });

    it("caches every value, and tells a cached undefined from a miss", async () => {
      const cache = cacheOf({}, open());
      assert.equal(await cache.get(KEY), undefined);
      assert.equal(await cache.getEntry(KEY), undefined);
      for (const value of [undefined, null, 0, "", false]) {
        const key = String(value) || "empty";
        assert.equal(await cache.getOrSet(key, () => value), value);
        assert.equal(await cache.getOrSet<unknown>(key, () => "fetched again"), value);
        assert.equal(await cache.get(key), value);
        assert.deepEqual(await cache.getEntry(key), { value });
      }
    });

    it("expires, and stores nothing that was fetched before", async () => {
      const cache = cacheOf({}, open());
      const { end, fetcher } = pending<string>();
      const before = cache.getOrSet(KEY, fetcher);
      await turn();
      await cache.expire(KEY);
      end("old");
      assert.equal(await before, "old");
      assert.equal(await cache.getEntry(KEY), undefined);
      await cache.set(KEY, "set");
      await cache.expire(KEY);
      assert.equal(await cache.get(KEY), undefined);
      assert.equal(await cache.getOrSet(KEY, () => "new"), "new");
    });

    it("sets, deletes, and stores nothing that was fetched before", async () => {
      const cache = cacheOf({}, open());
      const { end, fetcher } = pending<string>();
      const before = cache.getOrSet(KEY, fetcher);
      await turn();
      await cache.set(KEY, "set");
      end("old");
      assert.equal(await before, "old");
      assert.equal(await cache.get(KEY), "set");
      await cache.delete(KEY);
      assert.equal(await cache.getEntry(KEY), undefined);
      await cache.set(KEY, "short", 0);
      assert.equal(await cache.getEntry(KEY), undefined);
    });
  });

  describe(`failures of a cache in promises, over ${place}`, () => {
    it("is rejected with what its own fetcher threw, the same object", async () => {
      const cache = cacheOf({}, open());
      for (const thrown of [new Error("down"), new CustomError(), "text", undefined, null, 0, {}]) {
        const thrower = () => {
          throw thrown;
        };
        assert.equal(await rejection(cache.getOrSet(KEY, thrower)), thrown);
        assert.equal(await rejection(cache.getOrSet(KEY, () => Promise.reject(thrown))), thrown);
        assert.equal(await rejection(cache.getOrSetResult(KEY, thrower)), thrown);
      }
      assert.equal(await cache.getOrSet(KEY, () => "Ada"), "Ada");
    });

    it("tells who waited for a fetch that failed what it failed with", async () => {
      const cache = cacheOf({ takeovers: 0 }, open());
      const { fail, fetcher } = pending<string>();
      const calls = [1, 2, 3].map(() => cache.getOrSet(KEY, fetcher));
      const rejected = calls.map(rejection);
      await turn();
      const thrown = new Error("the database is down");
      fail(thrown);
      const [own, ...others] = await Promise.all(rejected);
      assert.equal(own, thrown);
      for (const error of others) {
        assert(error instanceof CacheLockingError);
        assert.equal(error.code, "FETCHER_FAILED");
        assert.equal(error.cause, thrown);
      }
    });

    it("has one of those who wait take over from a fetch that failed", async () => {
      const cache = cacheOf({}, open());
      const first = pending<string>();
      const led = rejection(cache.getOrSet(KEY, first.fetcher));
      await turn();
      const second = pending<string>();
      const waiting = Array.from({ length: 5 }, () => cache.getOrSet(KEY, second.fetcher));
      await turn();
      first.fail("failed");
      assert.equal(await led, "failed");
      second.end("Ada");
      assert.deepEqual(await Promise.all(waiting), Array(5).fill("Ada"));
      assert.equal(second.fetches(), 1);
    });

    it("bounds the fetches of a herd whose fetch keeps failing", async () => {
      const cache = cacheOf({}, open());
      let fetches = 0;
      const errors = await Promise.all(
        Array.from({ length: 20 }, () =>
          rejection(cache.getOrSet(KEY, async () => {
            await turn();
            throw `fetch ${++fetches}`;
          }))),
      );
      assert.equal(fetches, 2);
      assert.deepEqual(errors.filter((error) => typeof error === "string"), ["fetch 1", "fetch 2"]);
      for (const error of errors.slice(2)) {
        assert.equal(error instanceof CacheLockingError && error.code, "FETCHER_FAILED");
      }
    });

    it("is rejected with the reason of its signal, and the others go on", async () => {
      const store = open();
      const cache = cacheOf({}, store);
      const { end, fetcher } = pending<string>();
      const signals = [fakeSignal(), fakeSignal()];
      const [leaving, staying] = signals.map(({ signal }) =>
        cache.getOrSet(KEY, fetcher, { signal })
      );
      await turn();
      const reason = { why: "the request is gone" };
      signals[0]!.abort(reason);
      assert.equal(await rejection(leaving!), reason);
      end("Ada");
      assert.equal(await staying, "Ada");
      await turn();
      assert.deepEqual(signals.map(({ listeners }) => listeners()), [0, 0]);
      assert.equal(flightsUnderWay(store), 0);
    });

    it("listens once to a signal of many calls, and is aborted by its own fetcher", async () => {
      const cache = cacheOf({}, open());
      const { signal, abort, listeners } = fakeSignal();
      const untilAborted = (signal: AbortSignal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", reject));
      const calls = Array.from(
        { length: 20 },
        (_, index) =>
          rejection(
            cache.getOrSet(`${index}`, ({ signal: left }) => untilAborted(left), { signal }),
          ),
      );
      assert.equal(listeners(), 1);
      const own = new AbortController();
      let fetching: AbortSignal | undefined;
      const aborting = cache.getOrSet(KEY, ({ signal }) => {
        fetching = signal;
        const fetched = untilAborted(signal);
        own.abort("by itself");
        return fetched;
      }, { signal: own.signal });
      assert.equal(await rejection(aborting), "by itself");
      abort("gone");
      assert.deepEqual(await Promise.all(calls), Array(20).fill("gone"));
      assert.equal(listeners(), 0);
      assert.equal(fetching?.aborted, true);
    });

    it("does nothing for a signal that is aborted already", async () => {
      const cache = cacheOf({}, open());
      await cache.set(KEY, "Ada");
      const signal = AbortSignal.abort("gone");
      const fetcher = () => assert.fail("It fetches");
      assert.equal(await rejection(cache.getOrSet(KEY, fetcher, { signal })), "gone");
      assert.equal(await rejection(cache.getOrSet("other", fetcher, { signal })), "gone");
      const { name } = await rejection(
        cache.getOrSet(KEY, fetcher, { signal: AbortSignal.abort() }),
      ) as Error;
      assert.equal(name, "AbortError");
    });

    it("hands the fetcher its key, and a signal that fires when the last caller has left", async () => {
      const store = open();
      const cache = cacheOf({}, store);
      const controller = new AbortController();
      let seen: { readonly key: string; readonly aborted: boolean } | undefined;
      const call = cache.getOrSet(
        KEY,
        ({ key, signal }) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => {
              seen = { key, aborted: signal.aborted };
              reject(new Error("nobody waits for this rejection"));
            })
          ),
        { signal: controller.signal },
      );
      await turn();
      controller.abort("left");
      assert.equal(await rejection(call), "left");
      while (flightsUnderWay(store) > 0) await turn();
      assert.deepEqual(seen, { key: KEY, aborted: true });
      assert.equal(await cache.getOrSet(KEY, () => "Ada"), "Ada");
    });
  });

  describe(`options of a cache in promises, over ${place}`, () => {
    it("cancels the fetch of a caller that took over and has left", async () => {
      const cache = cacheOf({}, open());
      const first = pending<string>();
      const led = rejection(cache.getOrSet(KEY, first.fetcher));
      await turn();
      const controller = new AbortController();
      let fetching: AbortSignal | undefined;
      const tookOver = rejection(cache.getOrSet(KEY, ({ signal }) => {
        fetching = signal;
        return new Promise(() => {});
      }, { signal: controller.signal }));
      await turn();
      first.fail("failed");
      assert.equal(await led, "failed");
      while (fetching === undefined) await turn();
      controller.abort("left");
      assert.equal(await tookOver, "left");
      await turn();
      assert.equal(fetching.aborted, true);
      assert.equal(await cache.getOrSet(KEY, () => "Ada"), "Ada");
    });

    it("does no more for a caller that has left while its hook ran", async () => {
      const backend = memoryAdapter();
      await Effect.runPromise(backend.acquire(KEY, "somebody else", 60_000));
      const cache = cacheOf(
        { waitMax: 10 },
        open === memoryAdapter ? backend : processOver(backend),
      );
      const controller = new AbortController();
      let fetches = 0;
      const fetcher = () => ++fetches;
      const hooks = {
        onFollowerWait: async () => {
          controller.abort("left");
          await turn();
        },
      };
      const call = cache.getOrSet(KEY, fetcher, { hooks, signal: controller.signal });
      assert.equal(await rejection(call), "left");
      await sleep(5);
      assert.equal(fetches, 0);
    });

    it("runs hooks that are functions, and waits for those that are async", async () => {
      const told: unknown[] = [];
      const cache = cacheOf({
        hooks: {
          onLeader: async (value, { key, cached }) => {
            await turn();
            told.push(["led", value, key, cached]);
          },
          onHit: (value, { key }) => void told.push(["hit", value, key]),
          onFollowerWait: ({ key, outcome, waited }) =>
            void told.push(["waited", key, outcome, typeof waited]),
        },
      }, open());
      const calls = [1, 2].map(() => cache.getOrSet(KEY, () => "Ada"));
      await Promise.all(calls);
      await cache.getOrSet(KEY, () => "Ada", { hooks: { onLeader: undefined } });
      assert.deepEqual(told.sort(), [
        ["hit", "Ada", KEY],
        ["led", "Ada", KEY, true],
        ["waited", KEY, "HIT", "number"],
      ]);
    });

    it("is rejected with what its own hook threw, the same object", async () => {
      const cache = cacheOf({}, open());
      const thrown = new CustomError();
      const throws = () => {
        throw thrown;
      };
      const hooks = [{ onLeader: throws }, { onHit: throws }, {
        onHit: () => Promise.reject(thrown),
      }];
      for (const each of hooks) {
        assert.equal(await rejection(cache.getOrSet(KEY, () => "Ada", { hooks: each })), thrown);
      }
    });

    it("refuses what is no key and no fetcher", async () => {
      const cache = cacheOf({}, open());
      const calls = [
        () => cache.getOrSet("", () => 1),
        () => cache.getOrSet(42 as never, () => 1),
        () => cache.getOrSetResult("x".repeat(70_000), () => 1),
        () => cache.getOrSet(KEY, "value" as never),
        () => cache.getOrSet(KEY, () => 1, { waitMax: -1 }),
        () => cache.getOrSet(KEY, () => 1, null as never),
        () => cache.getOrSet(KEY, () => 1, { cacheTTL: 1 } as never),
        () => cache.getOrSet(KEY, () => 1, { hooks: { onHit: 1 as never } }),
        () => cache.get(""),
        () => cache.getEntry(undefined as never),
        () => cache.set("", 1),
        () => cache.set(KEY, 1, "soon" as never),
        () => cache.expire(""),
        () => cache.delete(""),
      ];
      for (const call of calls) {
        const error = await failure(call());
        assert.equal(error.code, "VALIDATION_ERROR", String(call));
        assert.equal(error.context.phase, "options");
      }
    });

    it("falls back after waitMax, by its own wait strategy", async () => {
      const backend = memoryAdapter();
      await Effect.runPromise(backend.acquire(KEY, "somebody else", 60_000));
      const asked: object[] = [];
      const told: unknown[] = [];
      const cache = createCache({
        adapter: open === memoryAdapter ? backend : processOver(backend, { poll: true }),
        waitMax: 40,
        waitStep: { milliseconds: 20 },
        waitStrategy: (context) => {
          asked.push(context);
          return fixedWaitStrategy("10 millis")(context);
        },
        hooks: { onFallback: (value, { waited }) => void told.push(value, typeof waited) },
      });
      const { value, meta } = await cache.getOrSetResult(KEY, () => "Ada");
      assert.equal(value, "Ada");
      assert.equal(meta.cache, "MISS-FOLLOWER-FALLBACK");
      assert.ok(meta.waited! >= 30);
      assert.deepEqual(told, ["Ada", "number"]);
      const { attempt, elapsed, remaining, waitMax, waitStep } = asked[0] as Record<string, number>;
      assert.deepEqual([attempt, waitMax, waitStep], [1, 40, 20]);
      assert.equal(Math.round(elapsed! + remaining!), 40);
    });
  });
}

class CustomError extends Error {}

const { warn } = console;
afterEach(() => {
  console.warn = warn;
});

describe("a cache in promises", () => {
  it("throws for bad options when it is made", () => {
    for (
      const bad of [undefined, null, 5, {}, { adapter: "disk" }, {
        adapter: "memory",
        takeovers: -1,
      }]
    ) {
      assert.throws(() => createCache(bad as never), (error) => {
        assert(error instanceof CacheLockingError);
        assert.equal(error.code, "VALIDATION_ERROR");
        return true;
      });
    }
  });

  it("shares 'memory' with the other face", async () => {
    const key = randomUUID();
    await createCache({ adapter: "memory" }).set(key, "Ada");
    const found = await Effect.runPromise(Cache.make({ adapter: "memory" }).get(key));
    assert.deepEqual(found, Option.some("Ada"));
  });

  it("opens configs, and keeps leases where it is told to", async () => {
    const adapter = { type: "memory", options: { maxEntries: 1 } } as const;
    const cache = createCache({ adapter });
    await cache.set("a", 1);
    await cache.set("b", 2);
    assert.equal(await cache.get("a"), undefined);
    assert.equal(await createCache({ adapter }).get("b"), 2);
    const asked: string[] = [];
    const leases = {
      acquire: (key: string) => {
        asked.push(key);
        return Effect.succeed({ role: "leader", leaseUntil: Date.now() + 1000 });
      },
      release: () => Effect.void,
    };
    assert.equal(await createCache({ adapter: memoryAdapter(), leases }).getOrSet(KEY, () => 1), 1);
    assert.deepEqual(asked, [KEY]);
  });

  it("takes durations as numbers, texts and parts, and of each value", async () => {
    const cache = cacheOf({ cacheTtl: { minutes: 1, seconds: 30 } });
    const long: CallOptions<string>[] = [{}, { cacheTtl: 60_000 }, { cacheTtl: "1 minute" }];
    const short: CallOptions<string>[] = [
      { cacheTtl: 0 },
      { cacheTtl: "0 seconds" },
      { cacheTtl: { seconds: 0 } },
      { cacheTtl: (value) => value === "Ada" ? 0 : "1 day" },
      { shouldCache: (value) => value !== "Ada" },
    ];
    for (const [kept, all] of [[true, long], [false, short]] as const) {
      for (const options of all) {
        await cache.delete(KEY);
        await cache.getOrSet(KEY, () => "Ada", options);
        assert.equal(await cache.get(KEY), kept ? "Ada" : undefined, JSON.stringify(options));
      }
    }
  });

  it("has errors that tell their kind, their place and their cause", async () => {
    const hidden = processOver(memoryAdapter(), { trouble: () => "before" });
    const cache = cacheOf({ hooks: { onError: () => {} } }, hidden);
    const error = await failure(cache.getOrSet(KEY, () => 1));
    assert.equal(error.code, "CACHE_GET_FAILED");
    assert.equal(error.name, "CACHE_GET_FAILED");
    assert.equal(error.context.key, KEY);
    assert.ok(error instanceof Error && error.cause instanceof Error);
    assert.equal((await failure(cache.set(KEY, 1))).code, "CACHE_SET_FAILED");
    assert.equal((await failure(cache.get(KEY))).code, "CACHE_GET_FAILED");
    for (const other of [new Error("x"), { code: "ABORTED" }, null, "ABORTED"]) {
      assert.equal(other instanceof CacheLockingError, false);
    }
  });

  it("fetches without a cache that has failed, and tells the hook or the console", async () => {
    const warnings: unknown[][] = [];
    console.warn = (...args: unknown[]) => void warnings.push(args);
    const store = () => processOver(memoryAdapter(), { trouble: () => "before" });
    const bypass = { onCacheFailure: "bypass" } as const;
    const { value, meta } = await cacheOf(bypass, store()).getOrSetResult(KEY, () => "Ada");
    assert.deepEqual([value, meta.cache], ["Ada", "BYPASS"]);
    assert.match(String(warnings[0]), /^CACHE_GET_FAILED \(phase=get key="user:42"/);
    await cacheOf({ ...bypass, name: "users" }, store()).getOrSet(KEY, () => "Ada");
    assert.match(String(warnings.at(-1)), /^users: CACHE_GET_FAILED \(phase=get key="user:42"/);
    const count = warnings.length;
    const told: string[] = [];
    const onError = (error: CacheLockingError) => void told.push(error.code);
    await cacheOf({ ...bypass, hooks: { onError } }, store()).getOrSet(KEY, () => "Ada");
    assert.deepEqual([told[0], warnings.length], ["CACHE_GET_FAILED", count]);
  });

  it("tells a host of work that goes on after the call", async () => {
    const works: Promise<void>[] = [];
    const cache = cacheOf({ waitUntil: (work) => void works.push(work) });
    await cache.getOrSet(KEY, () => "Ada");
    assert.ok(works.length > 0);
    await Promise.all(works);
  });
});

describe("functions and callers of a cache in promises", () => {
  it("wraps a function, with its arguments and its `this`", async () => {
    const cache = cacheOf();
    let calls = 0;
    const add = cache.wrap(
      async function (this: { readonly from: number } | undefined, a: number, b: number) {
        await turn();
        calls++;
        return (this?.from ?? 0) + a + b;
      },
      { key: (a, b) => `add:${a}:${b}`, cacheTtl: "1 minute" },
    );
    assert.deepEqual(await Promise.all([add(1, 2), add(1, 2), add(2, 2)]), [3, 3, 4]);
    assert.equal(await add(1, 2), 3);
    assert.equal(calls, 2);
    assert.equal(await cache.get("add:1:2"), 3);
    assert.equal(await add.call({ from: 10 }, 5, 5), 20);
  });

  it("refuses bad options of `wrap` at once, and bad keys in the call", async () => {
    const cache = cacheOf();
    for (const options of [undefined, {}, { key: "k" }, { key: () => "k", takeovers: 0.5 }]) {
      assert.throws(() => cache.wrap(() => 1, options as never), (error) => {
        assert(error instanceof CacheLockingError);
        assert.equal(error.code, "VALIDATION_ERROR");
        return true;
      });
    }
    assert.throws(() => cache.wrap(5 as never, { key: () => "k" }), CacheLockingError);
    const empty = cache.wrap(() => 1, { key: () => "" });
    assert.equal((await failure(empty())).code, "VALIDATION_ERROR");
    const thrown = new Error("no key");
    const throws = cache.wrap(() => 1, {
      key: () => {
        throw thrown;
      },
    });
    assert.equal(await rejection(throws()), thrown);
  });

  it("has callers share a promise who can't be told apart", async () => {
    const cache = cacheOf();
    const { end, fetcher } = pending<string>();
    const get = (options?: CallOptions<string>) => cache.getOrSet(KEY, fetcher, options);
    // The first leads, and the second would take over.
    const [, second, third, fourth] = [1, 2, 3, 4].map(() => get());
    assert.notEqual(second, third);
    assert.equal(third, fourth);
    const others = [
      get({ signal: new AbortController().signal }),
      get({ hooks: { onFollowerWait: () => {} } }),
      get({ waitMax: 1000 }),
      createCache({ adapter: memoryAdapter() }).getOrSet(KEY, () => "Ada"),
    ];
    for (const other of others) assert.notEqual(other, third);
    assert.equal(
      (await failure(cache.getOrSet(KEY, "no function" as never))).code,
      "VALIDATION_ERROR",
    );
    await cache.set(KEY, "set");
    assert.notEqual(get(), third);
    let told = 0;
    const hooks = { onFollowerWait: () => void told++ };
    const telling = createCache({ adapter: memoryAdapter(), hooks });
    await Promise.all([1, 2, 3, 4, 5].map(() => telling.getOrSet(KEY, () => turn("Ada"))));
    assert.equal(told, 4);
    await cache.delete(KEY);
    const anew = cache.getOrSet(KEY, () => "Grace");
    end("Ada");
    assert.deepEqual(await Promise.all([third, ...others]), Array(5).fill("Ada"));
    assert.equal(await anew, "Grace");
  });

  it("has a caller share no failures that came before it", async () => {
    const backend = memoryAdapter();
    const first = pending<string>();
    const second = pending<string>();
    const elsewhere = rejection(cacheOf({}, processOver(backend)).getOrSet(KEY, first.fetcher));
    await turn();
    const cache = cacheOf({}, processOver(backend));
    const waiting = [1, 2, 3, 4].map(() => rejection(cache.getOrSet(KEY, second.fetcher)));
    await sleep(5);
    first.fail("elsewhere");
    assert.equal(await elsewhere, "elsewhere");
    while (second.fetches() === 0) await turn();
    const late = cache.getOrSet(KEY, () => "Ada");
    second.fail("here");
    const [own, ...others] = await Promise.all(waiting);
    assert.equal(own, "here");
    for (const error of others) {
      assert.equal(error instanceof CacheLockingError && error.code, "FETCHER_FAILED");
    }
    assert.equal(await late, "Ada");
  });

  it("has strategies of its own", () => {
    const context = {
      attempt: 3,
      elapsed: 0,
      remaining: 0,
      waitMax: 0,
      waitStep: 100,
      push: false,
    };
    assert.equal(fixedWaitStrategy()(context), 100);
    assert.equal(fixedWaitStrategy("1 second")(context), "1 second");
    assert.equal(backoffWaitStrategy({ initial: 10, jitter: 0 })(context), 40);
    assert.equal(backoffWaitStrategy({ initial: 10, max: "20 millis", jitter: 0 })(context), 20);
  });

  it("leaves no rejection unhandled", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    console.warn = () => {};
    try {
      for (
        const store of [
          memoryAdapter(),
          remote(),
          processOver(memoryAdapter(), { trouble: () => "after" }),
        ]
      ) {
        const fails = () => sleep(2).then(() => Promise.reject(new Error("late")));
        const cache = cacheOf(
          { hooks: { onError: fails, onLeader: fails, onFollowerWait: fails } },
          store,
        );
        const signals = Array.from({ length: 6 }, () => new AbortController());
        const calls = signals.map(({ signal }) => cache.getOrSet(KEY, fails, { signal }));
        const settled = Promise.allSettled(calls);
        await turn();
        for (const each of signals.slice(3)) each.abort();
        await settled;
        const only = new AbortController();
        const left = cache.getOrSet("other", fails, { signal: only.signal }).catch(() => {});
        await turn();
        only.abort();
        await left;
      }
      await sleep(20);
    } finally {
      process.removeListener("unhandledRejection", listener);
    }
    assert.deepEqual(unhandled, []);
  });
});
