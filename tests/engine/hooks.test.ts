import { Duration, Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type Hooks, isCacheLockingError, type Store } from "../../mod.ts";
import { defaults } from "../../src/model/defaults.ts";
import { all, errorOf, KEY, source, start, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { createCache } from "../../promise.ts";
import { simulate, type Simulation } from "../support/simulation.ts";

/** Hooks that write down what they are told. */
function recorder() {
  const told: unknown[] = [];
  const tell = (name: string) => (...args: unknown[]) =>
    Effect.sync(() => void told.push([name, ...args.map(plain)]));
  const hooks = {
    onHit: tell("onHit"),
    onLeader: tell("onLeader"),
    onFollowerWait: tell("onFollowerWait"),
    onFallback: tell("onFallback"),
    onError: tell("onError"),
  };
  return { told, hooks };
}

const plain = (value: unknown): unknown =>
  typeof value !== "object" || value === null ? value : Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      Duration.isDuration(part) ? Duration.toMillis(part) : part,
    ]),
  );

const until = (simulation: Simulation, millis: number) => simulation.now() + millis;

describe("hooks", () => {
  it("a leader has onLeader, those who joined it onFollowerWait, a hit onHit", async () => {
    const simulation = simulate();
    const leaseUntil = until(simulation, defaults.leaseTtl);
    const { told, hooks } = recorder();
    const { fetcher } = source(100, () => "value");
    const cache = Cache.make({ adapter: memoryAdapter(), hooks });
    await simulation.run(all(times(2, () => cache.getOrSet(KEY, fetcher))));
    await simulation.run(cache.getOrSet(KEY, fetcher));
    assert.deepEqual(told, [
      ["onLeader", "value", { key: KEY, leaseUntil, cached: true }],
      ["onFollowerWait", { key: KEY, leaseUntil, waited: 100, outcome: "HIT" }],
      ["onHit", "value", { key: KEY }],
    ]);
  });

  it("a leader that stores nothing is told so", async () => {
    const simulation = simulate();
    const leaseUntil = until(simulation, defaults.leaseTtl);
    const { told, hooks } = recorder();
    const { fetcher } = source(100, () => "value");
    const adapter = memoryAdapter();
    const { meta } = await simulation.run(
      Cache.getOrSet({ adapter, key: KEY, fetcher, hooks, shouldCache: () => false }),
    );
    assert.deepEqual(told, [["onLeader", "value", { key: KEY, leaseUntil, cached: false }]]);
    assert.deepEqual(meta, { cache: "MISS-LEADER-NOCACHE", leaseUntil });
  });

  it("who falls back has onFollowerWait before the fetch, and onFallback after it", async () => {
    const simulation = simulate();
    const backend = memoryAdapter();
    const leaseUntil = until(simulation, 60_000);
    const { told, hooks } = recorder();
    const { fetcher } = source(100, () => Effect.sync(() => (told.push("fetched"), "value")));
    const { meta } = await simulation.run(Effect.flatMap(
      backend.acquire(KEY, "another", 60_000),
      () =>
        Cache.getOrSet({ adapter: processOver(backend), key: KEY, fetcher, hooks, waitMax: 500 }),
    ));
    assert.deepEqual(told, [
      ["onFollowerWait", { key: KEY, leaseUntil, waited: 500, outcome: "FALLBACK" }],
      "fetched",
      ["onFallback", "value", { key: KEY, leaseUntil, waited: 500 }],
    ]);
    assert.equal(meta.cache, "MISS-FOLLOWER-FALLBACK");
    assert.equal(meta.leaseUntil, leaseUntil);
  });

  it("one-shot hooks run after a client's of other names, and in place of those of the same", async () => {
    const simulation = simulate();
    const told: string[] = [];
    const tell = (name: string) => () => Effect.sync(() => void told.push(name));
    const cache = Cache.make({
      adapter: memoryAdapter(),
      hooks: { onLeader: tell("client's onLeader"), onHit: tell("client's onHit") },
    });
    const call = cache.getOrSet(KEY, () => Effect.succeed(1), {
      hooks: { onHit: tell("own onHit") },
    });
    await simulation.run(call);
    await simulation.run(call);
    assert.deepEqual(told, ["client's onLeader", "own onHit"]);
  });

  const broken: [string, () => unknown, string][] = [
    ["throws", () => {
      throw new Error("a bug");
    }, "HOOK_FAILED"],
    ["dies", () => Effect.die(new Error("a bug")), "HOOK_FAILED"],
    ["returns no Effect", () => "done", "VALIDATION_ERROR"],
    ["returns a promise", () => Promise.resolve(), "VALIDATION_ERROR"],
  ];
  const situations: [keyof Hooks<unknown>, (adapter: Store<unknown>) => Effect.Effect<unknown>][] =
    [
      ["onHit", (adapter) => Effect.orDie(adapter.set(KEY, "value"))],
      ["onLeader", () => Effect.void],
      ["onFollowerWait", (adapter) => Effect.orDie(adapter.acquire(KEY, "another", 60_000))],
      ["onFallback", (adapter) => Effect.orDie(adapter.acquire(KEY, "another", 60_000))],
    ];
  for (const [name, prepare] of situations) {
    for (const [how, hook, tag] of broken) {
      it(`${name} that ${how} is ${tag}, and leaves no lease`, async () => {
        const simulation = simulate();
        const adapter = memoryAdapter();
        await simulation.run(prepare(adapter));
        const error = await simulation.run(errorOf(Cache.getOrSet({
          adapter,
          key: KEY,
          fetcher: () => Effect.succeed("value"),
          waitMax: 100,
          hooks: { [name]: hook } as { onHit?: () => Effect.Effect<void> },
        })));
        assert.ok(isCacheLockingError(error), String(error));
        assert.equal(error._tag, tag);
        assert.equal(error.context.phase, "hook");
        assert.match(error.message, new RegExp(`^Cannot run the hook \`${name}\``));
        if (name === "onLeader") {
          assert.equal((await simulation.run(adapter.acquire(KEY, "next", 1_000)))._tag, "Hit");
        }
      });
    }
  }

  it("a joined caller's hook fails that caller alone", async () => {
    const simulation = simulate();
    const cache = Cache.make({ adapter: memoryAdapter() });
    const { fetcher } = source(100, () => "value");
    const [leader, joined, other] = await simulation.run(Effect.scoped(Effect.gen(function* () {
      yield* start(Effect.void);
      return yield* all<unknown, never>([
        errorOf(cache.getOrSet(KEY, fetcher)),
        errorOf(
          cache.getOrSet(KEY, fetcher, { hooks: { onFollowerWait: () => Effect.fail("mine") } }),
        ),
        errorOf(cache.getOrSet(KEY, fetcher)),
      ]);
    })));
    assert.deepEqual([leader, joined, other], [undefined, "mine", undefined]);
  });

  it("onBypass has the value of a fetch in place of the cache, and onOutcome sees every outcome", async () => {
    const simulation = simulate();
    const told: unknown[] = [];
    const hooks = {
      onBypass: (value: unknown, { key }: { key: string }) =>
        Effect.sync(() => void told.push(["bypass", value, key])),
      onOutcome: ({ cache }: { cache: string }, { key }: { key: string }) =>
        Effect.sync(() => void told.push([cache, key])),
      onError: () => Effect.void,
    };
    let down = false;
    const trouble = () => down ? "before" as const : undefined;
    const adapter = processOver(memoryAdapter(), { latency: 2, trouble });
    const cache = Cache.make({ adapter, hooks, onCacheFailure: "bypass" });
    const { fetcher } = source(100, () => "value");
    await simulation.run(all(times(2, () => cache.getOrSet(KEY, fetcher))));
    await simulation.run(cache.getOrSet(KEY, fetcher));
    down = true;
    await simulation.run(cache.getOrSet(KEY, fetcher));
    const memory = Cache.make({ adapter: memoryAdapter(), hooks });
    await simulation.run(memory.set(KEY, 1));
    await simulation.run(memory.getOrSet(KEY, fetcher as never));
    assert.deepEqual(told, [
      ["MISS-LEADER", KEY],
      ["MISS-FOLLOWER-HIT", KEY],
      ["HIT", KEY],
      ["bypass", "value", KEY],
      ["BYPASS", KEY],
      ["HIT", KEY],
    ]);
    const seen: unknown[] = [];
    const promises = createCache({
      adapter: memoryAdapter(),
      hooks: { onOutcome: (meta, { key }) => void seen.push([meta, key]) },
    });
    for (let call = 0; call < 2; call++) await promises.getOrSet(KEY, () => "value");
    const [[led], [found]] = seen as [[{ cache: string }], [unknown]];
    assert.equal(led.cache, "MISS-LEADER");
    assert.deepEqual(found, { cache: "HIT" });
  });
});
