import { Duration, Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { millisOf } from "../../src/model/duration.ts";
import { all, KEY, processes, source } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

describe("durations", () => {
  const known: [unknown, number][] = [
    [500, 500],
    ["5 seconds", 5000],
    [Duration.seconds(5), 5000],
    [[2, 500_000_000], 2500],
    [2_000_000n, 2],
    [{ seconds: 5 }, 5000],
    [{ minutes: 1, seconds: 30, milliseconds: 5, hours: undefined }, 90_005],
    [{ weeks: 1, days: 1, hours: 1, microseconds: 1500, nanoseconds: 500_000 }, 694_800_002],
    [Infinity, Infinity],
    ["Infinity", Infinity],
    [Duration.infinity, Infinity],
  ];
  for (const [input, millis] of known) {
    it(`know ${JSON.stringify(input, (_, value) => typeof value === "bigint" ? `${value}n` : value)}`, () =>
      assert.equal(millisOf(input), millis));
  }

  it("may be infinite: entries that don't expire, and waits without an end", async () => {
    for (const infinite of [Infinity, Duration.infinity, () => Duration.infinity]) {
      const simulation = simulate();
      const cache = Cache.make({ adapter: memoryAdapter(), cacheTtl: infinite });
      const found = await simulation.run(Effect.gen(function* () {
        yield* cache.getOrSet(KEY, () => Effect.succeed("value"));
        yield* Effect.sleep("1000 days");
        return yield* cache.getOrSet(KEY, () => Effect.succeed("again"));
      }));
      assert.equal(found.value, "value");
    }
    const simulation = simulate();
    const { counter, fetcher } = source(200_000, () => "value");
    const options = { waitMax: Infinity, waitStep: Infinity, operationTimeout: Duration.infinity };
    for (const poll of [true, false]) {
      const { clients } = processes(2, { ...options, poll });
      const before = counter.fetches;
      await simulation.run(all(clients.map((cache) => cache.getOrSet(KEY, fetcher))));
      assert.equal(counter.fetches, before + 1);
    }
  });

  it("of `set` may be infinite in place of a cacheTtl that isn't", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: processOver(memoryAdapter()), cacheTtl: 10 });
    const found = await simulation.run(Effect.gen(function* () {
      yield* cache.set(KEY, "value", Infinity);
      yield* Effect.sleep("1000 days");
      return yield* cache.getOrSet(KEY, () => Effect.succeed("again"));
    }));
    assert.equal(found.value, "value");
  });

  it("of a strategy may be infinite: the lease's end, a push or waitMax ends the pause", async () => {
    const simulation = simulate();
    const elapsed: number[] = [];
    const { clients } = processes(2, {
      poll: true,
      waitMax: Infinity,
      waitStrategy: (context) => {
        elapsed.push(Duration.toMillis(context.elapsed));
        return Infinity;
      },
    });
    const { counter, fetcher } = source(100, () => "value");
    await simulation.run(all(clients.map((cache) => cache.getOrSet(KEY, fetcher))));
    assert.equal(counter.fetches, 1);
    assert.ok(elapsed.every((millis) => millis < 6_000), `${elapsed}`);
  });
});
