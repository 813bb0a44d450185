import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CallOptions, fixedWaitStrategy, type Store } from "../../mod.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

const KEY = "user:42";

/** Follows a leader whose fetch takes so long, while strangers push all the time; says when it looked, and when it ended. */
async function flooded(fetchTime: number, options: CallOptions<unknown> = {}) {
  const simulation = simulate();
  const began = simulation.now();
  const elapsed = () => simulation.now() - began;
  const backend = memoryAdapter();
  const own = processOver(backend);
  const looks: number[] = [];
  const adapter: Store<unknown> = {
    ...own,
    acquire: (...asked) => Effect.suspend(() => (looks.push(elapsed()), own.acquire(...asked))),
    watch: () => Effect.succeed({ next: Effect.void }),
  };
  const fetcher = () => Effect.as(Effect.sleep(fetchTime), "value");
  const ended = await simulation.run(Effect.scoped(Effect.gen(function* () {
    const scope = yield* Effect.scope;
    yield* Effect.forkIn(
      Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher }),
      scope,
    );
    yield* Effect.sleep(1);
    const { value, meta } = yield* Cache.getOrSet({ adapter, key: KEY, fetcher, ...options });
    assert.deepEqual([value, meta.cache], ["value", "MISS-FOLLOWER-HIT"]);
    return elapsed();
  })));
  // The first is ended by the watch itself, as it stands.
  const pauses = looks.slice(2).map((look, index) => look - looks[index + 1]!);
  return { looks, ended, pauses };
}

describe("pushes of strangers", () => {
  it("leave pauses of 10 ms at least, and then the pace of the strategy", async () => {
    const { looks, pauses, ended } = await flooded(5_000);
    assert.ok(Math.min(...pauses) >= 10, `${pauses}`);
    // Of 20 ms to 250 ms, half of which chance may take off.
    assert.ok(looks.length <= 5_000 / 125 + 6, `${looks.length} looks`);
    assert.ok(ended <= 5_000 + 260, `it ended after ${ended} ms`);
  });

  it("are heeded at the pace that a strategy of the caller's has without push", async () => {
    const { looks, ended } = await flooded(1_000, { waitStrategy: fixedWaitStrategy(100) });
    assert.ok(looks.length >= 9 && looks.length <= 14, `${looks.length} looks`);
    assert.ok(ended <= 1_110, `it ended after ${ended} ms`);
  });

  it("are heeded once in `waitStep`, however seldom a strategy looks", async () => {
    const { looks, ended } = await flooded(2_000, { waitStrategy: () => "1 minute" });
    assert.ok(looks.length <= 2_000 / 250 + 6, `${looks.length} looks`);
    assert.ok(ended <= 2_000 + 260, `it ended after ${ended} ms`);
  });

  it("take a strategy's word for no pause less than 10 ms", async () => {
    const { looks, pauses } = await flooded(1_000, { waitStrategy: fixedWaitStrategy(0) });
    assert.ok(Math.min(...pauses) >= 10, `${pauses}`);
    assert.ok(looks.length <= 103, `${looks.length} looks`);
  });
});
