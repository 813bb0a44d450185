import * as effect from "effect";
import { Duration, Effect, Fiber, type Tracer } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { attempt } from "../../src/store/attempt.ts";
import { all, errorOf, KEY, source, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";
import { keepSpans, outcomeOf, parentOf } from "../support/spans.ts";

/** The names of an effect's spans, each with its attributes. */
async function spansOf(make: () => Effect.Effect<unknown>, spans: Tracer.Span[] = []) {
  await simulate().run(keepSpans(make(), spans));
  return spans.map(({ name, attributes }) => [name, Object.fromEntries(attributes)]);
}

const { fetcher } = source(100, () => "value");

describe("spans", () => {
  it("a miss has one for the call, and one each for acquire, fetch and fill", async () => {
    const adapter = processOver(memoryAdapter());
    const spans = await spansOf(() => Effect.orDie(Cache.getOrSet({ adapter, key: KEY, fetcher })));
    const attributes = { key: KEY, adapter: "remote" };
    assert.deepEqual(spans, [
      ["cache-locking.getOrSet", { ...attributes, outcome: "MISS-LEADER" }],
      ["cache-locking.acquire", { ...attributes, outcome: "leader" }],
      ["cache-locking.fetch", { ...attributes, outcome: "fetched" }],
      ["cache-locking.fill", { ...attributes, outcome: "stored" }],
    ]);
  });

  it("a follower's waits have one each, the first for its watch", async () => {
    const backend = memoryAdapter();
    const adapter = processOver(backend);
    const spans = await spansOf(() =>
      Effect.scoped(Effect.gen(function* () {
        yield* Effect.orDie(backend.acquire(KEY, "another", 50));
        yield* Effect.orDie(Cache.getOrSet({ adapter, key: KEY, fetcher }));
      }))
    );
    const told = spans.map(([name, attributes]) => [
      name,
      (attributes as { outcome: string }).outcome,
    ]);
    assert.deepEqual(told, [
      ["cache-locking.getOrSet", "MISS-LEADER"],
      ["cache-locking.acquire", "follower"],
      ["cache-locking.wait", "opened"],
      ["cache-locking.acquire", "follower"],
      ["cache-locking.wait", "paused"],
      ["cache-locking.acquire", "leader"],
      ["cache-locking.fetch", "fetched"],
      ["cache-locking.fill", "stored"],
    ]);
  });

  it("a refresh has its own, linked to the stale call that began it", async () => {
    const backend = memoryAdapter();
    const cache = Cache.make({
      adapter: processOver(backend),
      cacheTtl: 100,
      staleWhileRevalidate: "1 minute",
    });
    const made: Tracer.Span[] = [];
    const spans = await spansOf(() =>
      Effect.orDie(Effect.gen(function* () {
        yield* backend.set(KEY, "old", { freshFor: 100, staleFor: 60_000 });
        yield* backend.expire(KEY);
        const { meta } = yield* Effect.withSpan(cache.getOrSet(KEY, fetcher), "request");
        assert.equal(meta.cache, "STALE");
        yield* Effect.sleep(1_000);
      })), made);
    assert.deepEqual(spans.map(([name]) => name), [
      "request",
      "cache-locking.getOrSet",
      "cache-locking.getOrSet",
      "cache-locking.acquire",
      "cache-locking.fetch",
      "cache-locking.fill",
    ]);
    const [request, stale, refresh, acquire] = made;
    assert.deepEqual([stale, refresh].map((span) => outcomeOf(span!)), ["STALE", "MISS-LEADER"]);
    assert.equal(parentOf(stale!), request!.spanId);
    assert.equal(parentOf(refresh!), undefined);
    assert.deepEqual(refresh!.links.map(({ span }) => span.spanId), [stale!.spanId]);
    assert.equal(parentOf(acquire!), refresh!.spanId);
  });

  it("a hit has none", async () => {
    for (const adapter of [memoryAdapter(), processOver(memoryAdapter())]) {
      const spans = await spansOf(() =>
        Effect.flatMap(
          Effect.orDie(adapter.set(KEY, "value")),
          () => Effect.orDie(Cache.getOrSet({ adapter, key: KEY, fetcher })),
        )
      );
      assert.deepEqual(spans, []);
    }
  });

  it("there are none under the default tracer, which keeps none", async () => {
    const seen: string[] = [];
    const fetcher = () =>
      Effect.map(Effect.exit(Effect.currentSpan), ({ _tag }) => void seen.push(_tag));
    const call = Cache.getOrSet({ adapter: memoryAdapter(), key: KEY, fetcher });
    await simulate().run(Effect.orDie(call));
    await spansOf(() =>
      Effect.orDie(Cache.getOrSet({ adapter: memoryAdapter(), key: KEY, fetcher }))
    );
    assert.deepEqual(seen, ["Failure", "Success"]);
  });

  it("those who join have theirs, with their own outcomes", async () => {
    // Over a remote store they join the first read.
    for (const adapter of [memoryAdapter(), processOver(memoryAdapter(), { latency: 5 })]) {
      const cache = Cache.make({ adapter });
      let results: unknown;
      const spans = await spansOf(() =>
        Effect.map(Effect.orDie(all(times(3, () => cache.getOrSet(KEY, fetcher)))), (all) => {
          results = all.map(({ meta }) => meta.waited && Duration.toMillis(meta.waited));
        })
      );
      const outcomes = spans.flatMap(([name, attributes]) =>
        name === "cache-locking.getOrSet" ? [(attributes as { outcome: string }).outcome] : []
      );
      assert.deepEqual(outcomes, ["MISS-LEADER", "MISS-FOLLOWER-HIT", "MISS-FOLLOWER-HIT"]);
      const waited = adapter.name === "memory" ? 100 : 115;
      assert.deepEqual(results, [undefined, waited, waited]);
    }
  });

  it("the fetcher's logs are annotated with key and adapter", async () => {
    const seen: unknown[] = [];
    const adapter = memoryAdapter();
    const logging = () =>
      Effect.flatMap(logAnnotations, (all) => Effect.sync(() => seen.push(all)));
    await simulate().run(errorOf(Cache.getOrSet({ adapter, key: KEY, fetcher: logging })));
    assert.deepEqual(seen, [{ key: KEY, adapter: "memory" }]);
  });

  it("a client's name is in its spans, its logs and its stats", async () => {
    const seen: unknown[] = [];
    const logging = () =>
      Effect.flatMap(logAnnotations, (all) => Effect.sync(() => seen.push(all)));
    const cache = Cache.make({ name: "users", adapter: memoryAdapter() });
    const spans = await spansOf(() => Effect.orDie(cache.getOrSet(KEY, logging)));
    const attributes = { cache: "users", key: KEY, adapter: "memory" };
    for (const [, all] of spans) {
      const { outcome, ...rest } = all as Record<string, unknown>;
      assert.deepEqual(rest, attributes, String(outcome));
    }
    assert.equal(spans.length, 4);
    assert.deepEqual(seen, [attributes]);
    assert.equal(cache.stats().name, "users");
    const unnamed = Cache.make({ adapter: memoryAdapter() });
    assert.equal("name" in unnamed.stats(), false);
  });

  it("a caller that is interrupted before its span begins leaves the key to those who have joined", async () => {
    const backend = memoryAdapter();
    let answer!: (entry: undefined) => void;
    let answered = () => {};
    const reading = new Promise<undefined>((resolve) => answer = resolve);
    const adapter = {
      ...processOver(backend),
      get: (key: string) =>
        attempt("get", key, () => {
          // In the turn of the answer, and after what heeds it.
          queueMicrotask(() => void reading.then(() => answered()));
          return reading;
        }),
    };
    const cache = Cache.make({ adapter, waitMax: 3_000 });
    const call = keepSpans(cache.getOrSet(KEY, () => Effect.succeed("value")), []);
    const first = Effect.runFork(call);
    const second = Effect.runPromise(call);
    await sleep(5);
    answered = () => void Effect.runFork(Fiber.interrupt(first));
    answer(undefined);
    const { meta } = await second;
    assert.notEqual(meta.cache, "MISS-FOLLOWER-FALLBACK");
    assert.equal(flightsUnderWay(adapter), 0);
  });
});

// Effect 3 has an accessor for a HashMap, Effect 4 a reference to a record.
const { logAnnotations: ofEffect3 } = Effect as { logAnnotations?: Effect.Effect<Annotations> };
const ofEffect4 = (effect as { References?: { CurrentLogAnnotations: Effect.Effect<object> } })
  .References?.CurrentLogAnnotations;
type Annotations = Iterable<[string, unknown]>;

const logAnnotations = Effect.gen(function* () {
  return ofEffect3 === undefined ? { ...yield* ofEffect4! } : Object.fromEntries(yield* ofEffect3);
});
