import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, isCacheLockingError, type Store } from "../../mod.ts";
import { all, errorOf, times } from "../support/herd.ts";
import { createCache } from "../../promise.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

it("a fetcher in promises that asks for its own key before it awaits anything fails at once", async () => {
  const cache = createCache({ adapter: memoryAdapter() });
  const fetcher = () => cache.getOrSet("a", () => "inner");
  await assert.rejects(() => cache.getOrSet("a", fetcher), { name: "CIRCULAR_FETCH" });
  const through = async () => await cache.getOrSet("c", () => cache.getOrSet("b", () => "inner"));
  await assert.rejects(() => cache.getOrSet("b", through), { name: "CIRCULAR_FETCH" });
});

it("a fetcher in promises that asks for its own key fails at once amid a herd, too", async () => {
  const cache = createCache({ adapter: processOver(memoryAdapter(), { latency: 2 }) });
  const fetcher = () => cache.getOrSet("a", () => "inner");
  const herd = await Promise.allSettled(times(6, () => cache.getOrSet("a", fetcher)));
  const [first] = herd as [PromiseRejectedResult];
  assert.equal(first.reason.name, "CIRCULAR_FETCH");
  assert.ok(herd.every(({ status }) => status === "rejected"));
});

/** A fetcher that asks for other keys, each of which asks for the next. */
const asking = (cache: CacheClient, ...keys: string[]) => (): Effect.Effect<string, unknown> =>
  keys.length === 0 ? Effect.succeed("value") : Effect.map(
    cache.getOrSet(keys[0]!, asking(cache, ...keys.slice(1))),
    ({ value }) => value,
  );

const stores: Record<string, () => Store<unknown>> = {
  "in memory": () => memoryAdapter(),
  "elsewhere": () => processOver(memoryAdapter(), { latency: 2 }),
};

for (const [where, open] of Object.entries(stores)) {
  describe(`a key that is asked for inside its own fetcher, ${where}`, () => {
    const failed = async (run: (cache: CacheClient) => Effect.Effect<unknown, unknown>) => {
      const simulation = simulate();
      const began = simulation.now();
      const error = await simulation.run(errorOf(run(Cache.make({ adapter: open() }))));
      assert.ok(isCacheLockingError(error), String(error));
      assert.equal(error._tag, "CIRCULAR_FETCH");
      assert.ok(simulation.now() - began < 100, `${simulation.now() - began} ms`);
      return error.message;
    };

    it("fails at once", async () => {
      const message = await failed((cache) => cache.getOrSet("a", asking(cache, "a")));
      assert.equal(message, 'Cannot get "a": its own fetch waits for it: "a" → "a"');
    });

    it("fails at once through other keys, whose chain is named", async () => {
      const message = await failed((cache) => cache.getOrSet("a", asking(cache, "b", "c", "a")));
      assert.equal(message, 'Cannot get "a": its own fetch waits for it: "a" → "b" → "c" → "a"');
    });

    it("fails at once in another fiber of the fetch, and where flights aren't shared", async () => {
      await failed((cache) =>
        cache.getOrSet("a", () => Effect.timeout(asking(cache, "a")(), "1 minute"))
      );
      await failed((cache) => {
        const options = { coalesce: false };
        return cache.getOrSet("a", () => cache.getOrSet("a", asking(cache), options), options);
      });
    });

    it("fails one of two fetches that wait for each other crosswise", async () => {
      const simulation = simulate();
      const began = simulation.now();
      const cache = Cache.make({ adapter: open() });
      const call = (own: string, other: string) =>
        errorOf(
          cache.getOrSet(own, () => Effect.flatMap(Effect.sleep(10), asking(cache, other))),
        );
      const errors = await simulation.run(all([call("a", "b"), call("b", "a")]));
      const circular = errors.filter((error) =>
        isCacheLockingError(error) && error._tag === "CIRCULAR_FETCH"
      );
      assert.ok(circular.length >= 1, String(errors));
      assert.ok(simulation.now() - began < 100);
    });

    it("isn't taken for one in a fiber that has outlived the fetch", async () => {
      const cache = Cache.make({ adapter: open() });
      const values = await simulate().run(Effect.scoped(Effect.gen(function* () {
        const scope = yield* Effect.scope;
        let later: Fiber.Fiber<unknown, unknown> | undefined;
        const again = Effect.gen(function* () {
          yield* Effect.sleep(50);
          yield* cache.delete("a");
          return yield* cache.getOrSet("a", () => Effect.succeed("again"));
        });
        const first = yield* cache.getOrSet(
          "a",
          () =>
            Effect.map(Effect.forkIn(again, scope), (fiber) => {
              later = fiber;
              return "first";
            }),
        );
        return [first, yield* Fiber.join(later!)] as const;
      })));
      assert.deepEqual(values.map((each) => (each as { value: string }).value), ["first", "again"]);
    });

    it("isn't taken for one that others ask for, or that is asked for again later", async () => {
      const cache = Cache.make({ adapter: open() });
      const results = await simulate().run(all([
        ...times(3, () => cache.getOrSet("a", asking(cache, "b", "c"))),
        ...times(3, () => cache.getOrSet("b", asking(cache, "c"))),
        cache.getOrSet("d", () => all(times(3, () => asking(cache, "b", "c")()))),
      ] as Effect.Effect<unknown, unknown>[]));
      assert.equal(results.length, 7);
    });
  });
}
