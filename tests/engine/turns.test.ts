import { Effect, Exit, Fiber } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, isCacheLockingError, type Store } from "../../mod.ts";
import { attempt } from "../../src/store/attempt.ts";
import { jsonCodec } from "../../src/store/codec.ts";
import { all, errorOf, outcomes, start, times } from "../support/herd.ts";
import { simulate, type Simulation } from "../support/simulation.ts";

/** A store away from this process, whose client has a pool of connections and a queue before it. */
interface Pool {
  readonly connections: number;
  /** How long an operation on a key takes on its connection, in milliseconds. */
  readonly takes: (key: string) => number;
}

/** Makes one; what has begun is in `begun`, and `most` is how many did wait or run in the client at one time. */
function pooled({ promise }: Simulation, { connections, takes }: Pool) {
  const { peek: _, ...memory } = memoryAdapter();
  const queue: (() => void)[] = [];
  let free = connections;
  let inside = 0;
  const asked = { most: 0, begun: [] as [operation: typeof operations[number], key: string][] };
  const away = (operation: typeof operations[number]) => (key: string, ...rest: never[]) =>
    attempt(operation, key, async () => {
      asked.begun.push([operation, key]);
      asked.most = Math.max(asked.most, ++inside);
      if (free > 0) free--;
      else await new Promise<void>((resolve) => queue.push(resolve));
      await promise(Effect.sleep(takes(key)));
      const run = memory[operation] as (...args: unknown[]) => Effect.Effect<unknown>;
      const answer = await promise(run(key, ...rest));
      inside--;
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
      return answer;
    });
  const operations = ["get", "set", "delete", "acquire", "renew", "fill", "release"] as const;
  const store = Object.fromEntries(operations.map((name) => [name, away(name)]));
  return { store: { name: "pooled", ...store } as unknown as Store<unknown>, asked };
}

const HANGS = 1e9;
const keys = (count: number, of = "key") => times(count, (index) => `${of}:${index}`);
const messageOf = (error: unknown) => isCacheLockingError(error) ? error.message : "";

it("1,500 cold keys at once don't time each other out in the client's queue", async () => {
  const simulation = simulate();
  const { store, asked } = pooled(simulation, { connections: 10, takes: () => 30 });
  const { getOrSet } = Cache.make({ adapter: store });
  const began = simulation.now();
  const results = await simulation.run(
    all(keys(1500).map((key) => getOrSet(key, () => Effect.succeed("value")))),
  );
  assert.deepEqual(outcomes(results), { "MISS-LEADER": 1500 });
  assert.equal(asked.most, 128);
  assert.equal(simulation.now() - began, 3 * 4500);
  assert.equal(simulation.timers(), 0);
  const reads = asked.begun.filter(([operation]) => operation === "get");
  assert.deepEqual(reads.map(([, key]) => key), keys(1500));
});

it("who holds a lease goes before those who wait", async () => {
  const simulation = simulate();
  const { store, asked } = pooled(simulation, { connections: 10, takes: () => 40 });
  const { getOrSet } = Cache.make({ adapter: store });
  await simulation.run(all(keys(1000).map((key) => getOrSet(key, () => Effect.succeed("value")))));
  let held = 0;
  let most = 0;
  for (const [operation] of asked.begun) {
    held += operation === "acquire" ? 1 : operation === "fill" ? -1 : 0;
    most = Math.max(most, held);
  }
  assert.ok(most <= 256, `${most} leases at once`);
});

it("clients with other codecs, over one store, have their turns in common", async () => {
  const simulation = simulate();
  const { store, asked } = pooled(simulation, { connections: 10, takes: () => 40 });
  const adapter = { ...store, withCodec: () => ({ ...store }) };
  const clients = [{}, { codec: jsonCodec }, { codec: { ...jsonCodec } }]
    .map((options) => Cache.make({ adapter, ...options }));
  const reads = clients.flatMap(({ get }, index) => keys(100, `${index}`).map((key) => get(key)));
  await simulation.run(all(reads));
  assert.equal(asked.most, 128);
});

it("nobody waits for a turn while the store answers nothing", async () => {
  const simulation = simulate();
  const { store } = pooled(simulation, { connections: 10, takes: () => HANGS });
  const { get } = Cache.make({ adapter: store });
  const began = simulation.now();
  const ended: number[] = [];
  const reads = keys(1000).map((key) =>
    Effect.map(errorOf(get(key)), (error) => {
      ended.push(simulation.now() - began);
      assert.match(messageOf(error), /pooled did not answer within 2000 ms$/);
    })
  );
  await simulation.run(all(reads));
  assert.deepEqual(ended, [...times(128, () => 2000), ...times(872, () => 3000)]);
});

it("what hangs takes no place from others that are answered", async () => {
  const simulation = simulate();
  const takes = (key: string) => key.startsWith("hangs") ? HANGS : 1;
  const { store } = pooled(simulation, { connections: Infinity, takes });
  const { get } = Cache.make({ adapter: store });
  const took = { hangs: new Set<number>(), answers: new Set<number>() };
  const timed = (of: keyof typeof took, key: string) =>
    Effect.suspend(() => {
      const began = simulation.now();
      return Effect.map(errorOf(get(key)), () => void took[of].add(simulation.now() - began));
    });
  await simulation.run(Effect.scoped(Effect.gen(function* () {
    // For five seconds 500 in each, of which every second one is answered.
    for (const key of keys(1250)) {
      yield* start(timed("hangs", `hangs:${key}`));
      yield* start(timed("answers", key));
      yield* Effect.sleep(4);
    }
    yield* Effect.sleep(5000);
  })));
  assert.deepEqual([...took.answers], [1]);
  assert.deepEqual([...took.hangs], [2000]);
});

it("a follower's look ends with its wait, in the queue, too", async () => {
  const simulation = simulate();
  const takes = (key: string) => key === "led" ? 1 : 500;
  const { store } = pooled(simulation, { connections: Infinity, takes });
  const { get, getOrSet } = Cache.make({ adapter: store, waitMax: "1 second" });
  await simulation.run(Effect.scoped(Effect.gen(function* () {
    yield* store.acquire("led", "another", 60_000);
    const began = simulation.now();
    const following = yield* start(getOrSet("led", () => Effect.succeed("own")));
    yield* Effect.sleep(10);
    for (const key of keys(2000)) yield* start(get(key));
    const { meta } = yield* Fiber.join(following);
    assert.equal(meta.cache, "MISS-FOLLOWER-FALLBACK");
    // A read and an acquire, and the wait.
    assert.equal(Math.round(simulation.now() - began), 2 + 1000);
  })));
});

it("a caller that goes leaves the queue, and its place if it has one", async () => {
  const simulation = simulate();
  const { store, asked } = pooled(simulation, { connections: Infinity, takes: () => 900 });
  const { get } = Cache.make({ adapter: store });
  await simulation.run(Effect.scoped(Effect.gen(function* () {
    const callers = [];
    for (const key of keys(300)) callers.push(yield* start(get(key)));
    yield* Effect.sleep(10);
    assert.equal(asked.begun.length, 128);
    yield* all(callers.slice(0, 64).map(Fiber.interrupt));
    yield* Effect.sleep(10);
    assert.equal(asked.begun.length, 128 + 64);
    yield* all(callers.slice(192).map(Fiber.interrupt));
    yield* Effect.sleep("10 seconds");
    assert.equal(asked.begun.length, 128 + 64);
    const exits = yield* all(callers.map(Fiber.await));
    assert.equal(exits.filter(Exit.isSuccess).length, 128);
    assert.equal(simulation.timers(), 0);
  })));
});

it("any number that fails at once lets those behind it go on", async () => {
  const simulation = simulate();
  const { store } = pooled(simulation, { connections: Infinity, takes: () => 900 });
  let reads = 0;
  const get = (key: string) => {
    if (reads++ < 128) return store.get(key);
    throw new Error("broken");
  };
  const client = Cache.make({ adapter: { ...store, get } });
  const exits = await simulation.run(
    all(keys(10_000).map((key) => Effect.exit(client.get(key)))),
  );
  assert.equal(exits.filter(Exit.isFailure).length, 10_000 - 128);
});
