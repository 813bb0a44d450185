import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheLockingError } from "../../mod.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

it("tells the host of a flight until nothing of it is left, its lease included", async () => {
  const world = simulate();
  const store = processOver(memoryAdapter(), { latency: 100 });
  const work: Promise<void>[] = [];
  let over = false;
  await world.run(
    Effect.gen(function* () {
      const cache = Cache.make({
        adapter: store,
        waitUntil: (each) => void work.push(each.then(() => void (over = true))),
      });
      const caller = yield* Effect.forkScoped(cache.getOrSet("key", () => Effect.never));
      yield* Effect.sleep(500);
      assert.equal(work.length, 1);
      yield* Effect.forkScoped(Fiber.interrupt(caller));
      yield* Effect.sleep(50);
      assert.equal(over, false);
      assert.equal(store.counts.release, 1);
      yield* Effect.sleep(100);
      yield* Effect.promise(() => Promise.all(work));
      assert.equal(over, true);
    }).pipe(Effect.scoped),
  );
});

it("tells the host of a release that nobody waits for", async () => {
  const world = simulate();
  let work = 0;
  const store = processOver(memoryAdapter(), {
    trouble: (operation) => operation === "acquire" ? "after" : undefined,
  });
  await world.run(Effect.gen(function* () {
    const cache = Cache.make({ adapter: store, waitUntil: () => void work++ });
    yield* Effect.exit(cache.getOrSet("key", () => Effect.succeed(1)));
    yield* Effect.sleep(100);
  }));
  // The flight, and the release.
  assert.equal(work, 2);
});

it("reports a host that throws, and goes on", async () => {
  const world = simulate();
  const errors: CacheLockingError[] = [];
  const result = await world.run(
    Cache.getOrSet({
      adapter: memoryAdapter(),
      key: "key",
      waitUntil: () => {
        throw new TypeError("Illegal invocation");
      },
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
      fetcher: () => Effect.succeed("value"),
    }),
  );
  assert.equal(result.value, "value");
  assert.deepEqual(errors.map(({ _tag, message }) => [_tag, message]), [
    ["HOOK_FAILED", 'Cannot run `waitUntil` for "key": it threw'],
  ]);
});
