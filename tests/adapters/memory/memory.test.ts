import { Effect } from "effect";
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryAdapter } from "../../../adapters/memory.ts";
import { Cache, isCacheLockingError, type Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import { lookInside } from "../../support/look_inside.ts";
import { simulate } from "../../support/simulation.ts";

const MINUTE = 60_000;

/** A memory adapter, what it keeps, and the world that it is in. */
function open(maxEntries?: number) {
  const simulation = simulate();
  const [store, [entries, leases, watchers]] = lookInside(() => memoryAdapter({ maxEntries }));
  return {
    store,
    simulation,
    run: simulation.run,
    entries: entries!,
    leases: leases!,
    watchers: watchers!,
    keys: () => [...entries!.keys()].join(" "),
  };
}

/** Lets the store sweep: each acquire forgets some of what is over. */
const sweep = (store: Store<unknown>, times: number) =>
  Effect.forEach(Array(times), () => store.acquire("sweep", "sweep", 1), { discard: true });

const shared = open();

for (
  const { name, run, skipped = false } of conformance({
    open: Effect.sync(() => ({ ...shared.store })),
    run: shared.simulation.runExit,
    values: [NaN, 1n, new Date(0), new Uint8Array([0, 255]), new Map([[1, new Set()]])],
    gaps: {
      clocks: "entries and leases are in one process, which has one clock",
      l1: "entries are in this process anyway",
    },
    damage: "nobody else can write to a process's memory",
    leftovers: (key) =>
      Effect.map(sweep(shared.store, shared.leases.size + 2), () => {
        const { entries, leases, watchers } = shared;
        return Object.entries({ entries, leases, watchers }).flatMap(([name, map]) =>
          map.has(key) ? [name] : []
        );
      }),
  })
) {
  test(`memory: ${name}`, { skip: skipped }, run);
}

test("memory: a hit takes no asynchronous step", async () => {
  const cache = Cache.make({ adapter: memoryAdapter() });
  const get = cache.getOrSet("key", () => Effect.promise(() => Promise.resolve("value")));
  await Effect.runPromise(get);
  assert.equal(Effect.runSync(get).value, "value");
});

test("memory evicts by SIEVE: from the old to the new, sparing once what was read", async () => {
  const { store, run, keys } = open(3);
  const set = (key: string) => run(store.set(key, key));
  const get = (key: string) => run(store.get(key));
  for (const key of ["A", "B", "C"]) await set(key);
  await get("A");
  await set("D");
  assert.equal(keys(), "A C D", "A is spared, B goes, the hand is at C");
  await get("C");
  await set("E");
  assert.equal(keys(), "A C E", "C is spared, D goes, the hand starts anew");
  await set("F");
  assert.equal(keys(), "C E F", "A goes: it was spared once");
  await set("C");
  await set("G");
  assert.equal(keys(), "C F G", "C is spared, as it was written again, and E goes");
  await get("F");
  await get("G");
  await get("C");
  await set("H");
  assert.equal(keys(), "C G H", "all were read: the hand goes round, and F, where it began, goes");
});

/** SIEVE as the paper has it, from the tail (old) to the head (new). */
function sieve(maxEntries: number) {
  const queue: string[] = [];
  const visited = new Set<string>();
  let hand: string | undefined;
  const next = (key: string): string | undefined => queue[queue.indexOf(key) + 1];
  return {
    queue,
    get: (key: string) => {
      if (queue.includes(key)) visited.add(key);
    },
    set: (key: string) => {
      if (queue.includes(key)) return void visited.add(key);
      if (queue.length === maxEntries) {
        let victim = hand ?? queue[0]!;
        while (visited.delete(victim)) victim = next(victim) ?? queue[0]!;
        hand = next(victim);
        queue.splice(queue.indexOf(victim), 1);
      }
      queue.push(key);
    },
  };
}

test("memory evicts as SIEVE does, whatever is read and written", async () => {
  for (const maxEntries of [1, 2, 3, 10, 40]) {
    const { store, simulation: { random }, run, keys } = open(maxEntries);
    const model = sieve(maxEntries);
    const differs: string[] = [];
    await run(Effect.gen(function* () {
      for (let step = 0; step < 3000; step++) {
        const key = `${Math.floor(random() ** 2 * 3 * maxEntries)}`;
        if (random() < 0.5) {
          model.get(key);
          yield* store.get(key);
        } else {
          model.set(key);
          yield* store.set(key, key);
        }
        if (keys() !== model.queue.join(" ")) differs.push(`${maxEntries}: step ${step}`);
      }
    }));
    assert.deepEqual(differs, []);
  }
});

test("memory keeps what is read often through a scan of what is read once", async () => {
  const { store, run, entries } = open(100);
  const hot = Array.from({ length: 50 }, (_, index) => `hot ${index}`);
  await run(Effect.gen(function* () {
    for (const key of hot) yield* store.set(key, key);
    for (let index = 0; index < 10_000; index++) {
      yield* store.set(`scanned ${index}`, index);
      yield* store.get(hot[index % 50]!);
    }
  }));
  assert.deepEqual(hot.filter((key) => !entries.has(key)), []);
  assert.equal(entries.size, 100);
});

test("memory holds no more than maxEntries, be it one", async () => {
  for (const maxEntries of [1, 2, 100]) {
    const { store, simulation: { random }, run, entries } = open(maxEntries);
    let most = 0;
    await run(Effect.gen(function* () {
      for (let step = 0; step < 3000; step++) {
        const key = `${Math.floor(random() * 300)}`;
        const ttl = random() < 0.5 ? undefined : 1 + random() * 20;
        switch (Math.floor(random() * 5)) {
          case 0:
            yield* store.set(key, step, { freshFor: ttl });
            assert.deepEqual((yield* store.get(key))?.value, step);
            break;
          case 1:
            yield* store.acquire(key, key, MINUTE);
            yield* store.fill(key, key, step, { freshFor: ttl });
            break;
          case 2:
            yield* store.get(key);
            break;
          case 3:
            yield* store.delete(key);
            break;
          case 4:
            yield* Effect.sleep(random());
        }
        most = Math.max(most, entries.size);
      }
    }));
    assert.equal(most, maxEntries);
  }
});

test("memory holds 10,000 entries by default", async () => {
  const { store, run, entries } = open();
  await run(Effect.forEach(Array(10_100).keys(), (key) => store.set(`${key}`, key)));
  assert.equal(entries.size, 10_000);
});

test("memory lets go of what has expired when it is looked at, and evicts it before all else", async () => {
  const { store, run, entries, keys } = open(3);
  await run(Effect.gen(function* () {
    yield* store.set("A", 1, { freshFor: 100 });
    yield* store.set("B", 1, { freshFor: 100 });
    yield* store.set("C", 1);
    yield* store.get("A");
    yield* store.get("B");
    yield* Effect.sleep(99);
    assert.equal((yield* store.get("A"))?.value, 1);
    yield* Effect.sleep(1);
    assert.equal(entries.size, 3);
    assert.equal(yield* store.get("A"), undefined);
    assert.equal(keys(), "B C");
    yield* store.set("D", 1);
    yield* store.set("E", 1);
    assert.equal(keys(), "C D E", "B was read, but has expired");
  }));
});

test("memory gives the value itself", async () => {
  const { store, run } = open();
  const value = { a: 1 };
  await run(store.set("key", value));
  assert.equal((await run(store.get("key")))?.value, value);
});

test("memory forgets 10,000 leases that were abandoned, failed or stored nothing", async () => {
  for (const ending of ["failed", "uncached", "cancelled", undefined] as const) {
    const { store, run, leases } = open();
    await run(Effect.gen(function* () {
      // Outlives the others, and is in front of them.
      yield* store.acquire("long", "a", 60 * MINUTE);
      for (let key = 0; key < 10_000; key++) {
        yield* store.acquire(`${key}`, "a", MINUTE);
        yield* store.acquire(`${key}`, "b", MINUTE);
        if (ending !== undefined) yield* store.release(`${key}`, "a", ending);
      }
      yield* Effect.sleep(MINUTE);
      yield* sweep(store, 10_000);
    }));
    assert.deepEqual([...leases.keys()], ["long", "sweep"]);
  }
});

test("memory keeps no more leases than twice what a minute brings, however long it goes on", async () => {
  const { store, run, leases } = open();
  let most = 0;
  await run(Effect.gen(function* () {
    for (let key = 0; key < 20_000; key++) {
      yield* store.acquire(`${key}`, "a", MINUTE);
      yield* store.acquire(`${key}`, "b", MINUTE);
      yield* store.release(`${key}`, "a", "failed");
      yield* Effect.sleep(MINUTE / 1000);
      most = Math.max(most, leases.size);
    }
  }));
  assert.ok(most <= 2000, `${most}`);
});

test("memory keeps nothing of a lease that nobody waited for, nor of watches that are closed", async () => {
  const { store, run, leases, watchers } = open();
  await run(Effect.gen(function* () {
    yield* store.acquire("key", "a", MINUTE);
    yield* store.release("key", "a", "failed");
    assert.equal(leases.size, 0);
    yield* Effect.scoped(Effect.gen(function* () {
      yield* store.watch!("key");
      yield* store.watch!("key");
      assert.equal(watchers.size, 1);
    }));
    assert.equal(watchers.size, 0);
  }));
});

test("memory leads no further than one lease back, however many follow one another", async () => {
  const { store, run, leases } = open();
  await run(Effect.gen(function* () {
    for (let round = 0; round < 1000; round++) {
      yield* store.acquire("key", `${round}`, MINUTE);
      yield* store.acquire("key", "follower", MINUTE);
      yield* store.release("key", `${round}`, "failed");
    }
  }));
  let length = 0;
  for (let lease = leases.get("key"); lease !== undefined; length++) {
    lease = (lease as { before?: unknown }).before;
  }
  assert.ok(length <= 2, `${length}`);
});

test("a bad maxEntries is a VALIDATION_ERROR that names it and its value", async () => {
  for (const bad of [0, -1, 1.5, NaN, Infinity, "10", null, {}]) {
    const maxEntries = bad as number;
    assert.throws(() => memoryAdapter({ maxEntries }), TypeError);
    const adapter = { type: "memory", options: { maxEntries } } as const;
    const fetcher = () => Effect.succeed("value");
    const error = await Effect.runPromise(
      Effect.flip(Cache.getOrSet({ adapter, key: "key", fetcher })),
    );
    assert.ok(isCacheLockingError(error));
    assert.equal(error._tag, "VALIDATION_ERROR");
    assert.match(error.message, /maxEntries/);
    const shown = typeof bad === "string"
      ? '"10"'
      : bad && typeof bad === "object"
      ? "an object"
      : `${bad}`;
    assert.ok(error.message.includes(shown), error.message);
  }
});

test("'memory' is one store for all, and each config object has one of its own", async () => {
  const config = { type: "memory", options: { maxEntries: 5 } } as const;
  const same = { ...config };
  const key = randomToken();
  const set = (adapter: "memory" | typeof config) =>
    Effect.runPromise(Cache.make({ adapter }).set(key, "value"));
  const found = async (adapter: "memory" | typeof config) =>
    (await Effect.runPromise(Cache.make({ adapter }).get(key)))._tag === "Some";

  await set("memory");
  assert.deepEqual(
    [await found("memory"), await found(config), await found(same)],
    [true, false, false],
  );
  await set(config);
  assert.deepEqual([await found(config), await found(same)], [true, false]);
  const result = await Effect.runPromise(
    Cache.getOrSet({ adapter: config, key, fetcher: () => Effect.succeed("fetched") }),
  );
  assert.equal(result.value, "value");
});

test("what has expired is removed a little with each write, though nobody reads it", async () => {
  const { store, run, entries } = open();
  await run(Effect.gen(function* () {
    for (let key = 0; key < 1_000; key++) {
      yield* store.set(`short ${key}`, "value", { freshFor: 10 });
    }
    yield* Effect.sleep(20);
    for (let key = 0; key < 600; key++) yield* store.set("one", "value");
  }));
  assert.equal(entries.size, 1);
});

test("`maxBytes` bounds what entries weigh, by `sizeOf`", async () => {
  const { run } = simulate();
  const sizeOf = (value: unknown) => {
    if (value === "odd") throw new Error("a bug");
    return (value as string).length;
  };
  const store = memoryAdapter({ maxBytes: 100, sizeOf });
  const kept = (keys: readonly string[]) =>
    Effect.map(
      Effect.forEach(keys, (key) => store.get(key)),
      (found) => keys.filter((_, index) => found[index] !== undefined),
    );
  await run(Effect.gen(function* () {
    for (const key of ["a", "b", "c"]) yield* store.set(key, "x".repeat(40));
    assert.deepEqual(yield* kept(["a", "b", "c"]), ["b", "c"]);
    yield* store.set("b", "x".repeat(60));
    assert.deepEqual(yield* kept(["b", "c"]), ["b", "c"]);
    // Too heavy, or without a weight: the old value goes, and no other.
    yield* store.set("b", "x".repeat(101));
    assert.deepEqual(yield* kept(["b", "c"]), ["c"]);
    yield* store.set("c", "odd");
    assert.deepEqual(yield* kept(["c"]), []);
    for (const key of ["d", "e"]) yield* store.set(key, "x".repeat(50));
    yield* store.delete("d");
    yield* store.set("f", "x".repeat(50));
    assert.deepEqual(yield* kept(["e", "f"]), ["e", "f"]);
  }));
  for (const options of [{ maxBytes: 0, sizeOf }, { maxBytes: 5 }, { sizeOf: 5 as never }]) {
    assert.throws(() => memoryAdapter(options), TypeError);
  }
});
