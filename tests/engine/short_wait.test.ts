import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { type AdapterOperation, Cache, type CacheClient } from "../../mod.ts";
import { all, KEY, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const cases: Record<string, readonly AdapterOperation[]> = {
  "over a backend that works": [],
  "past a backend whose reads fail": ["get"],
  "past a backend that fails": ["get", "acquire"],
};

describe("a herd whose waitMax is over before its fetch has failed", () => {
  for (const [name, failing] of Object.entries(cases)) {
    it(`fetches 1 + takeovers times, and never twice at once, ${name}`, async () => {
      const simulation = simulate();
      let running = 0;
      const began: number[] = [];
      const adapter = processOver(memoryAdapter(), {
        latency: 2,
        trouble: (operation) => failing.includes(operation) ? "before" : undefined,
      });
      const cache = Cache.make({
        adapter,
        onCacheFailure: "bypass",
        waitMax: 20,
        // Longer than an operation may take.
        operationTimeout: 30,
        hooks: { onError: () => Effect.void },
      });
      const fetcher = () =>
        Effect.suspend(() => {
          began.push(simulation.now());
          assert.equal(++running, 1);
          return Effect.flatMap(Effect.sleep(50), () => (running--, Effect.fail("down")));
        });
      await simulation.run(all(times(5, () => Effect.flip(cache.getOrSet(KEY, fetcher)))));
      assert.equal(began.length, 2, `fetches began at ${began} ms`);
    });
  }

  it("has those who are out of time fetch when another process takes over", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const [cache, other] = [10, 0].map((latency) =>
      Cache.make({ adapter: processOver(backend, { latency, poll: true }) })
    ) as [CacheClient, CacheClient];
    const fetches: string[] = [];
    const call = (cache: CacheClient, name: string, takes: number, waitMax = 40) =>
      Effect.exit(cache.getOrSet(KEY, () => {
        fetches.push(name);
        const fetched = name === "herd" ? Effect.fail("down") : Effect.succeed("value");
        return Effect.flatMap(Effect.sleep(takes), () => fetched);
      }, { waitMax }));
    const began = simulation.now();
    const patient = call(cache, "herd", 50, 10_000);
    const ended = Effect.map(call(cache, "herd", 50), () => simulation.now() - began);
    // The herd's lease is let go of after 75 ms, and it asks for the next at 80.
    const late = Effect.flatMap(Effect.sleep(78), () => call(other, "other", 1_000));
    const herd = [call(cache, "herd", 50), patient, ended, late] as const;
    const [, , at] = await simulation.run(Effect.all(herd, { concurrency: 4 }));
    assert.deepEqual(fetches, ["herd", "other", "herd"]);
    assert.ok(at < 300, `${at} ms`);
  });
});
