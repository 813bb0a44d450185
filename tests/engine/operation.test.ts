import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, isCacheLockingError, type Store } from "../../mod.ts";
import { attempt } from "../../src/store/attempt.ts";
import { errorOf, KEY, start } from "../support/herd.ts";
import { simulate } from "../support/simulation.ts";

/** A store away from this process, whose reads are what `answer` promises. */
function reading(
  answer: () => Promise<unknown>,
  shape: (read: Effect.Effect<unknown, never>) => Effect.Effect<unknown, never> = (read) => read,
): Store<unknown> {
  const { peek: _, ...store } = memoryAdapter();
  const read = () => shape(attempt("get", KEY, answer) as Effect.Effect<unknown, never>);
  return { ...store, get: (() => read()) as Store<unknown>["get"] };
}

it("is heard of a client whose promises answer at once", async () => {
  const ready = { then: (tell: (answer: unknown) => void) => tell({ value: "found" }) };
  const adapter = reading(() => ready as unknown as Promise<unknown>);
  const fetcher = () => Effect.succeed("fetched");
  const { value } = await Effect.runPromise(Cache.getOrSet({ adapter, key: KEY, fetcher }));
  assert.equal(value, "found");
});

/** An operation that is one promise waits in its caller's fiber, and any other in a fiber of its own. */
const shapes = [
  ["one promise", (read) => read],
  ["an effect of several steps", (read) => Effect.flatMap(read, Effect.succeed)],
] as const satisfies [string, Parameters<typeof reading>[1]][];

for (const [name, shape] of shapes) {
  describe(`an operation that is ${name}`, () => {
    const fetcher = () => Effect.succeed("fetched");
    const uninterruptible = (read: Effect.Effect<unknown>) => Effect.uninterruptible(shape(read));

    it("is given up after operationTimeout", async () => {
      const simulation = simulate();
      const adapter = reading(() => new Promise(() => {}), shape);
      const began = simulation.now();
      const error = await simulation.run(errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher })));
      assert.ok(isCacheLockingError(error) && error._tag === "CACHE_GET_FAILED");
      assert.match(error.message, /memory did not answer within 2000 ms$/);
      assert.equal(simulation.now() - began, 2000);
      assert.equal(simulation.timers(), 0);
    });

    it("is given up after operationTimeout even if it can't be interrupted", async () => {
      const simulation = simulate();
      const adapter = reading(() => new Promise(() => {}), uninterruptible);
      const began = simulation.now();
      const error = await simulation.run(errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher })));
      assert.ok(isCacheLockingError(error) && error._tag === "CACHE_GET_FAILED");
      assert.equal(simulation.now() - began, 2000);
    });

    it("holds up no caller who goes even if it can't be interrupted", async () => {
      const simulation = simulate();
      const adapter = reading(() => new Promise(() => {}), uninterruptible);
      const began = simulation.now();
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const caller = yield* start(Cache.getOrSet({ adapter, key: KEY, fetcher }));
        yield* Effect.sleep(10);
        yield* Fiber.interrupt(caller);
      })));
      assert.equal(simulation.now() - began, 10);
    });

    it("answers too late for whoever gave it up", async () => {
      const simulation = simulate();
      let answer!: (entry: unknown) => void;
      const call = Cache.getOrSet({
        adapter: reading(() => new Promise((resolve) => answer = resolve), shape),
        key: KEY,
        fetcher: () => {
          answer({ value: "late" });
          return Effect.as(Effect.sleep(1000), "fetched");
        },
        onCacheFailure: "bypass",
        hooks: { onError: () => Effect.void },
      });
      const { value, meta } = await simulation.run(call);
      assert.equal(value, "fetched");
      assert.equal(meta.cache, "BYPASS");
    });

    it("leaves nothing behind when its caller goes", async () => {
      const simulation = simulate();
      const adapter = reading(() => new Promise(() => {}), shape);
      await simulation.run(Effect.scoped(Effect.gen(function* () {
        const fiber = yield* start(Cache.getOrSet({ adapter, key: KEY, fetcher }));
        yield* Effect.sleep(10);
        assert.equal(simulation.timers(), 1);
        yield* Fiber.interrupt(fiber);
        yield* Effect.sleep(0);
        assert.equal(simulation.timers(), 0);
      })));
    });

    it("has no timeout because the event loop was blocked when it was answered", async () => {
      // As a reply does, the answer comes after the timer that was due before it.
      const adapter = reading(() => {
        queueMicrotask(() => {
          const began = performance.now();
          while (performance.now() - began < 100);
        });
        return new Promise((resolve) => setTimeout(resolve, 40, { value: "found" }));
      }, shape);
      const options = { adapter, key: KEY, fetcher, operationTimeout: 20 };
      const { value } = await Effect.runPromise(Cache.getOrSet(options));
      assert.equal(value, "found");
    });
  });
}
