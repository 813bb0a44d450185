import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryAdapter } from "../../adapters/memory.ts";
import { CacheLockingError, createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { processOver } from "../support/process_store.ts";

const KEYS = ["c", "a", "b"];

for (
  const [place, open] of [
    ["memory", memoryAdapter],
    ["a remote store", () => processOver(memoryAdapter())],
  ] as const
) {
  describe(`many keys in promises, over ${place}`, () => {
    it("fetches what is missing at once, and says how each key ended", async () => {
      const cache = createCache({ adapter: open() });
      const asked: (readonly string[])[] = [];
      const outcomes: string[] = [];
      await cache.set("b", "set");
      const results = await cache.getOrSetMany(KEYS, async ({ keys, signal }) => {
        assert.ok(!signal.aborted);
        asked.push(keys);
        await sleep(1);
        return new Map([["a", "Ada"]]);
      }, { hooks: { onOutcome: ({ cache }, { key }) => void outcomes.push(`${key} ${cache}`) } });
      assert.deepEqual([...results.keys()], KEYS);
      assert.deepEqual(results.get("b"), {
        status: "fulfilled",
        value: { value: "set", meta: { cache: "HIT" } },
      });
      const led = results.get("a")!;
      assert.ok(led.status === "fulfilled" && led.value.meta.cache === "MISS-LEADER");
      assert.ok(led.value.meta.leaseUntil! > Date.now());
      const left = results.get("c")!;
      assert.ok(left.status === "rejected" && left.reason instanceof CacheLockingError);
      assert.equal(left.reason.code, "FETCHER_FAILED");
      assert.deepEqual(asked, [["a", "c"]]);
      assert.deepEqual(outcomes.sort(), ["a MISS-LEADER", "b HIT"]);
      const { hits, leaders, failedFetches } = cache.stats();
      assert.deepEqual({ hits, leaders, failedFetches }, { hits: 1, leaders: 1, failedFetches: 1 });
    });

    it("gives the values, or is rejected with the first failure, the same object", async () => {
      const cache = createCache({ adapter: open() });
      const down = new Error("down");
      const users = [{ id: 2 }, { id: 1 }];
      const key = ({ id }: { readonly id: number }) => `user:${id}`;
      await assert.rejects(
        cache.getOrSetAll(users, () => Promise.reject(down), { key }),
        (error) => error === down,
      );
      await assert.rejects(
        cache.getOrSetAll(users, () => {
          throw down;
        }, { key }),
        (error) => error === down,
      );
      const names = await cache.getOrSetAll(
        users,
        ({ keys }) => new Map(keys.map((user) => [user, `user ${user.id}`])),
        { key, absent: { value: "nobody", ttl: { minutes: 1 } } },
      );
      assert.deepEqual([...names], [[users[0], "user 2"], [users[1], "user 1"]]);
      assert.equal(await cache.get("user:1"), "user 1");
      assert.deepEqual([...(await cache.getMany(users, { key })).values()], ["user 2", "user 1"]);
    });

    it("is rejected with its signal's reason, and leaves nothing", async () => {
      const store = open();
      const cache = createCache({ adapter: store });
      const reason = new Error("enough");
      const controller = new AbortController();
      const { signal } = controller;
      let fetchSignal: AbortSignal | undefined;
      const many = cache.getOrSetMany(KEYS, (context) => {
        fetchSignal = context.signal;
        return new Promise<Map<string, string>>(() => {});
      }, { signal });
      const rejected = assert.rejects(many, (error) => error === reason);
      while (fetchSignal === undefined) await sleep(1);
      controller.abort(reason);
      await rejected;
      assert.ok(fetchSignal.aborted);
      await assert.rejects(
        cache.getOrSetAll(KEYS, () => new Map(), { signal }),
        (error) => error === reason,
      );
      while (flightsUnderWay(store) > 0) await sleep(1);
      const values = await cache.getOrSetAll(KEYS, ({ keys }) => new Map(keys.map((k) => [k, k])));
      assert.equal(values.size, 3);
    });

    it("is rejected for options, keys and fetchers that are not valid", async () => {
      const cache = createCache({ adapter: open() });
      const fetcher = () => new Map<string, string>();
      for (
        const calling of [
          () => cache.getOrSetMany(KEYS, fetcher, { maxBatch: 0 }),
          () => cache.getOrSetMany(KEYS, 1 as never),
          () => cache.getOrSetMany("abc" as never, fetcher),
          () => cache.getOrSetAll([""], fetcher),
          () => cache.getMany(1 as never),
          () => cache.setMany(1 as never),
          () => cache.setMany([["", 1]]),
          () => cache.deleteMany(KEYS, { key: 1 as never }),
        ]
      ) await assert.rejects(calling, { code: "VALIDATION_ERROR" });
      const results = await cache.getOrSetMany(["a"], () => ["Ada"] as never);
      assert.match(
        String((results.get("a") as PromiseRejectedResult).reason),
        /must return a Map of values by key, and returned an array/,
      );
    });

    it("stores and removes many", async () => {
      const cache = createCache({ adapter: open() });
      await cache.setMany([["a", 1], ["b", undefined]], { ttl: { hours: 1 } });
      await cache.setMany([["c", 1]], { ttl: 0 });
      assert.deepEqual([...await cache.getMany(KEYS)], [["a", 1], ["b", undefined]]);
      await cache.deleteMany(new Set(["a", "b"]));
      assert.equal((await cache.getMany(KEYS)).size, 0);
    });

    it("doesn't wait for itself", async () => {
      const cache = createCache({ adapter: open() });
      const results = await cache.getOrSetMany(KEYS, async ({ keys }) => {
        const nested = cache.getOrSet(keys.at(-1)!, () => "");
        await assert.rejects(nested, { code: "CIRCULAR_FETCH" });
        return new Map(keys.map((key) => [key, key]));
      });
      assert.equal(results.size, 3);
    });
  });
}
