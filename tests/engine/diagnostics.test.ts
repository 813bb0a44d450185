import { Effect } from "effect";
import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import process from "node:process";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { all, errorOf, KEY, source, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const canAsk = (process as { getBuiltinModule?: unknown }).getBuiltinModule !== undefined;

/** What subscribers are told while something runs. */
async function messagesOf(run: () => Promise<unknown>): Promise<unknown[]> {
  const messages: unknown[] = [];
  const onMessage = (message: unknown) => void messages.push(message);
  diagnostics.subscribe("cache-locking:call", onMessage);
  try {
    await run();
  } finally {
    diagnostics.unsubscribe("cache-locking:call", onMessage);
  }
  return messages;
}

describe("the diagnostics channel", () => {
  const skip = canAsk ? false : "this runtime has no process.getBuiltinModule";

  it("tells of each call: its client, key, outcome, wait or error", { skip }, async () => {
    const { fetcher } = source(100, () => "value");
    const cache = Cache.make({ name: "users", adapter: processOver(memoryAdapter()) });
    const error = new Error("down");
    const calls = Effect.gen(function* () {
      yield* all(times(2, () => cache.getOrSet(KEY, fetcher)));
      yield* cache.getOrSet(KEY, fetcher);
      yield* errorOf(cache.getOrSet("down", () => Effect.fail(error)));
      const adapter = memoryAdapter();
      yield* Cache.getOrSet({ adapter, key: KEY, fetcher });
      yield* Cache.getOrSet({ adapter, key: KEY, fetcher });
    });
    const users = { name: "users", adapter: "remote", key: KEY, error: undefined };
    const unnamed = { name: undefined, adapter: "memory", key: KEY, error: undefined };
    assert.deepEqual(await messagesOf(() => simulate().run(calls)), [
      { ...users, outcome: "MISS-LEADER", waited: undefined },
      { ...users, outcome: "MISS-FOLLOWER-HIT", waited: 100 },
      { ...users, outcome: "HIT", waited: undefined },
      { ...users, key: "down", outcome: undefined, waited: undefined, error },
      { ...unnamed, outcome: "MISS-LEADER", waited: undefined },
      { ...unnamed, outcome: "HIT", waited: undefined },
    ]);
  });

  it("tells of each caller in promises, also of those who share one", { skip }, async () => {
    const cache = createCache({ adapter: memoryAdapter() });
    const messages = await messagesOf(async () => {
      const fetch = () => new Promise((resolve) => setImmediate(() => resolve("value")));
      await Promise.all(times(20, () => cache.getOrSet(KEY, fetch)));
      await cache.getOrSet(KEY, fetch);
    });
    const outcomes = messages.map((message) => (message as { outcome: string }).outcome);
    const expected = ["MISS-LEADER", ...times(19, () => "MISS-FOLLOWER-HIT"), "HIT"];
    assert.deepEqual(outcomes.sort(), expected.sort());
    assert.deepEqual(await messagesOf(() => Promise.resolve()), []);
  });
});
