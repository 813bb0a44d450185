import { Cause, Effect, Exit, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  AdapterError,
  type AdapterOperation,
  type BatchContext,
  Cache,
  type CacheLockingError,
  isCacheLockingError,
  type Store,
} from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { lazyStore } from "../../src/store/lazy_store.ts";
import type { StoreOfMany } from "../../src/store/store.ts";
import { errorOf, start, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";
import { keepSpans } from "../support/spans.ts";

/** What is asked of a store in one request: of how many keys, or of one. */
type Request = readonly [operation: AdapterOperation, keys: number | "one"];

/** A store with operations on many keys, 2 ms away; what it was asked is in `requests`. */
function storeOfMany(
  { fails = () => undefined }: {
    /** How an operation fails for a key, or the whole request for no key. */
    readonly fails?: (
      operation: AdapterOperation,
      key?: string,
    ) => AdapterError | "hangs" | undefined;
  } = {},
) {
  const requests: Request[] = [];
  const memory = memoryAdapter();
  const remote = processOver(memory, { latency: 2 });
  const one = (operation: AdapterOperation) => (...asked: [string]) =>
    Effect.suspend(() => {
      requests.push([operation, "one"]);
      return (remote[operation as "get"])(...asked) as Effect.Effect<unknown, AdapterError>;
    });
  const many = (operation: AdapterOperation) => (asked: readonly [string][]) =>
    Effect.suspend((): Effect.Effect<readonly unknown[], AdapterError> => {
      requests.push([operation, asked.length]);
      const failed = fails(operation);
      if (failed === "hangs") return Effect.never;
      if (failed !== undefined) return Effect.fail(failed);
      return Effect.delay(
        Effect.forEach(asked, (each) => {
          const failed = fails(operation, each[0]);
          if (failed !== undefined) return Effect.succeed(failed);
          return memory[operation as "get"](...each) as Effect.Effect<unknown>;
        }),
        4,
      );
    });
  const operations = ["get", "acquire", "renew", "fill", "release"] as const;
  const store = {
    ...remote,
    ...Object.fromEntries(
      operations.flatMap((name) => [[name, one(name)], [`${name}Many`, many(name)]]),
    ),
  } as unknown as Store<unknown> & Required<StoreOfMany<unknown>>;
  return { store, requests };
}

const fetcher = (millis = 0) => ({ keys }: BatchContext<string>) =>
  Effect.as(Effect.sleep(millis), new Map(keys.map((key) => [key, `value of ${key}`])));

const names = (count: number) => times(count, (index) => `key ${index}`);

describe("what many keys ask of their store", () => {
  it("is one request for each step, for 128 keys at most", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    await simulate().run(Effect.gen(function* () {
      const keys = names(300);
      yield* client.getOrSetAll(keys, fetcher(), { maxBatch: 1000 });
      const each = [128, 128, 44];
      assert.deepEqual(requests, [
        ...each.map((keys) => ["get", keys]),
        ...each.map((keys) => ["acquire", keys]),
        ...each.map((keys) => ["fill", keys]),
      ]);
      requests.length = 0;
      const values = yield* client.getOrSetAll(keys, fetcher());
      assert.deepEqual([...values.values()], keys.map((key) => `value of ${key}`));
      assert.deepEqual(requests, each.map((keys) => ["get", keys]));
      requests.length = 0;
      const found = yield* client.getMany([...keys.slice(0, 3), "none"]);
      assert.deepEqual([...found.keys()], keys.slice(0, 3));
      assert.deepEqual(requests, [["get", 4]]);
    }));
  });

  it("is asked for by itself for one key, and for single calls", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    await simulate().run(Effect.gen(function* () {
      yield* client.getOrSetAll(["a"], fetcher());
      yield* Effect.all([
        client.getOrSet("b", () => Effect.succeed("b")),
        client.getOrSet("c", () => Effect.succeed("c")),
      ], { concurrency: "unbounded" });
    }));
    assert.ok(requests.length === 9 && requests.every(([, keys]) => keys === "one"), `${requests}`);
  });

  it("keeps all leases of a batch by one keeper", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store, leaseTtl: 300 });
    await simulate().run(client.getOrSetAll(names(20), fetcher(1_000)));
    const renewals = requests.filter(([operation]) => operation === "renew");
    assert.ok(renewals.length >= 9 && renewals.length <= 12, `${renewals.length} renewals`);
    assert.deepEqual(new Set(renewals.map(([, keys]) => keys)), new Set([20]));
  });

  it("lets the leases of a failed fetch, and of a cancelled one, go at once", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    await simulate().run(Effect.scoped(Effect.gen(function* () {
      yield* client.getOrSetMany(names(5), () => Effect.fail("boom"));
      assert.deepEqual(requests.at(-1), ["release", 5]);
      const call = yield* start(client.getOrSetMany(names(6), () => Effect.never));
      yield* Effect.sleep(50);
      requests.length = 0;
      yield* Fiber.interrupt(call);
      // Effect 3 interrupts each fetch in a turn of its own.
      assert.ok(requests.every(([operation]) => operation === "release"), `${requests}`);
      const released = requests.reduce((sum, [, keys]) => sum + (keys === "one" ? 1 : keys), 0);
      assert.equal(released, 6);
      assert.equal((yield* store.acquire("key 0", "next", 1_000))._tag, "Leader");
    })));
  });

  it("fails a key alone that fails alone", async () => {
    const bad = (operation: AdapterOperation, key?: string) =>
      operation === "get" && key === "key 1"
        ? new AdapterError("get", "key 1", new Error("bad"))
        : operation === "fill" && key === "key 2"
        ? new AdapterError("fill", "key 2", new Error("full"))
        : undefined;
    const { store, requests } = storeOfMany({ fails: bad });
    const errors: CacheLockingError[] = [];
    const client = Cache.make({
      adapter: store,
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    const ends = await simulate().run(client.getOrSetMany(names(4), fetcher()));
    assert.deepEqual([...ends.values()].map((end) => end._tag), [
      "Success",
      "Failure",
      "Success",
      "Success",
    ]);
    const error = Effect.runSync(Effect.flip(ends.get("key 1")!)) as CacheLockingError;
    assert.equal(error.message, 'Cannot read the entry of "key 1": bad');
    assert.deepEqual(errors.map(({ message }) => message), [
      'Cannot store the value of "key 2": full',
    ]);
    assert.deepEqual(requests.slice(0, 3), [["get", 4], ["acquire", 3], ["fill", 3]]);
  });

  it("fails each key by its name where the whole request fails", async () => {
    const down = () => new AdapterError("get", "", new Error("down"));
    const { store, requests } = storeOfMany({
      fails: (_, key) => key === undefined ? down() : undefined,
    });
    const ends = await simulate().run(
      Cache.make({ adapter: store }).getOrSetMany(names(2), fetcher()),
    );
    for (const [key, end] of ends) {
      const error = Effect.runSync(Effect.flip(end));
      assert.ok(isCacheLockingError(error));
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.equal(error.message, `Cannot read the entry of "${key}": down`);
      assert.equal(error.context.key, key);
    }
    assert.deepEqual(requests, [["get", 2]]);
  });

  it("is given up for each key after `operationTimeout`", async () => {
    const { store } = storeOfMany({
      fails: (operation) => operation === "get" ? "hangs" : undefined,
    });
    const client = Cache.make({ adapter: store, operationTimeout: 100 });
    const simulation = simulate();
    const error = await simulation.run(errorOf(client.getOrSetAll(names(3), fetcher())));
    assert.ok(isCacheLockingError(error));
    assert.match(error.message, /"key 0": remote did not answer within 100 ms/);
    assert.equal(simulation.timers(), 0);
  });

  it("is one request of an adapter that was loaded by a config", async () => {
    const { store, requests } = storeOfMany();
    const lazy = lazyStore("lazy", () => Promise.resolve(store));
    const simulation = simulate();
    await simulation.run(lazy.get("loads it"));
    await simulation.run(Cache.make({ adapter: lazy }).getMany(names(3)));
    assert.deepEqual(requests, [["get", "one"], ["get", 3]]);
  });

  it("is taken back for who leaves, and not for the others", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    await simulate().run(Effect.scoped(Effect.gen(function* () {
      const all = yield* start(client.getOrSetMany(names(3), fetcher()));
      const joined = yield* start(client.getOrSet("key 0", () => Effect.succeed("own")));
      yield* Effect.sleep(1);
      yield* Fiber.interrupt(all);
      // Nobody has begun to fetch for the many by then.
      const { value } = yield* Fiber.join(joined);
      assert.equal(value, "own");
    })));
    assert.deepEqual(requests, [["get", 3], ["acquire", "one"], ["fill", "one"]]);
  });

  it("is shared with those who come as it is read, and no flight is left", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    const ends: (string | undefined)[] = [];
    await simulate().run(Effect.scoped(Effect.gen(function* () {
      yield* client.set("key 0", "stored");
      const all = yield* start(client.getOrSetMany(names(3), fetcher()));
      const hit = yield* start(client.getOrSet("key 0", () => Effect.succeed("own")));
      const miss = yield* start(client.getOrSet("key 1", () => Effect.succeed("own")));
      const many = yield* start(client.getOrSetMany(names(3), fetcher()));
      for (const { value, meta } of [yield* Fiber.join(hit), yield* Fiber.join(miss)]) {
        ends.push(`${value}: ${meta.cache}`);
      }
      for (const batch of [all, many]) {
        const exits = [...(yield* Fiber.join(batch)).values()];
        ends.push(...exits.map((exit) => Exit.isSuccess(exit) ? exit.value.meta.cache : exit._tag));
      }
      assert.equal(flightsUnderWay(store), 0);
    })));
    assert.deepEqual(ends, [
      ...["stored: HIT", "value of key 1: MISS-FOLLOWER-HIT"],
      ...["HIT", "MISS-LEADER", "MISS-LEADER"],
      ...["HIT", "MISS-FOLLOWER-HIT", "MISS-FOLLOWER-HIT"],
    ]);
    assert.deepEqual(requests, [["get", 3], ["acquire", 2], ["fill", 2]]);
  });

  it("is no answer for a refresh that comes as it is read", async () => {
    const { store } = storeOfMany();
    const client = Cache.make({ adapter: store });
    const [all, refreshed] = await simulate().run(Effect.scoped(Effect.gen(function* () {
      yield* client.set("key 0", "old");
      const reading = yield* start(client.getOrSetMany(names(2), fetcher()));
      const refreshing = yield* start(client.refresh("key 0", () => Effect.succeed("new")));
      return [[...(yield* Fiber.join(reading)).values()], yield* Fiber.join(refreshing)] as const;
    })));
    assert.deepEqual(all.map((exit) => Exit.isSuccess(exit) && exit.value.value), [
      "old",
      "value of key 1",
    ]);
    assert.deepEqual([refreshed.value, refreshed.meta.cache], ["new", "MISS-LEADER"]);
  });

  it("ends for all of its keys with the client, and with what is thrown", async () => {
    const { store } = storeOfMany();
    const broken = { ...store, getMany: () => Effect.succeed(undefined as never) };
    for (const adapter of [store, broken]) {
      const client = Cache.make({ adapter });
      const exits = await simulate().run(Effect.scoped(Effect.gen(function* () {
        const all = yield* start(client.getOrSetMany(names(3), fetcher()));
        yield* Effect.sleep(1);
        if (adapter === store) yield* client.close();
        return [...(yield* Fiber.join(all)).values()];
      })));
      assert.deepEqual(exits.map(Exit.isFailure), [true, true, true]);
      assert.equal(flightsUnderWay(adapter), 0);
    }
  });

  it("waits for its turn as one request", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    const calls = times(
      200,
      (call) => client.getOrSetMany(names(3).map((key) => `${call} ${key}`), fetcher()),
    );
    const ends = await simulate().run(Effect.all(calls, { concurrency: "unbounded" }));
    assert.ok(ends.every((end) => [...end.values()].every(Exit.isSuccess)));
    assert.equal(requests.length, 600);
  });

  it("gives each single call beside it its own key's value, also to a herd in promises", async () => {
    const cache = createCache({ adapter: storeOfMany().store });
    for (const key of names(3)) await cache.set(key, `value of ${key}`);
    const all = cache.getOrSetAll(names(3), () => new Map());
    const asked = ["key 0", "key 0", "key 0", "key 1", "key 2", "key 1", "key 0"];
    const values = await Promise.all(asked.map((key) => cache.getOrSet(key, () => "fetched")));
    assert.deepEqual(values, asked.map((key) => `value of ${key}`));
    await all;
  });

  it("asks for nothing once the client is closed", async () => {
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store });
    const exits = await simulate().run(Effect.gen(function* () {
      for (const key of names(2)) yield* client.set(key, "value");
      yield* client.close();
      return [...(yield* client.getOrSetMany(names(2), fetcher())).values()];
    }));
    assert.deepEqual(exits.map(Exit.isFailure), [true, true]);
    assert.deepEqual(requests, []);
  });

  it("fails for each key with the adapter's own reason", async () => {
    const reason = "the table is missing";
    const { store } = storeOfMany({
      fails: (operation, key) =>
        key === undefined ? new AdapterError(operation, "key 0", undefined, { reason }) : undefined,
    });
    const all = Cache.make({ adapter: store }).getOrSetMany(names(2), fetcher());
    const messages = [...(await simulate().run(all)).values()].map((exit) =>
      Exit.isFailure(exit) && String(Cause.squash(exit.cause))
    );
    for (const [index, message] of messages.entries()) {
      assert.match(String(message), new RegExp(`"key ${index}": ${reason}`));
    }
  });

  for (const operation of ["get", "acquire"] as const) {
    it(`is one fetch where a failed ${operation} is reported to a hook that takes its time`, async () => {
      const batches: number[] = [];
      const { store } = storeOfMany({
        fails: (asked, key) =>
          asked === operation && key === undefined ? new AdapterError(asked, "key 0") : undefined,
      });
      let hooks = 0;
      const client = Cache.make({
        adapter: store,
        onCacheFailure: "bypass",
        hooks: { onError: () => Effect.sleep(10 * (++hooks % 7)) },
      });
      await simulate().run(
        client.getOrSetAll(names(20), ({ keys }) => {
          batches.push(keys.length);
          return fetcher()({ keys, signal: undefined as never });
        }),
      );
      assert.ok(hooks >= 20);
      assert.deepEqual(batches, [20]);
    });
  }

  it("is limited by `fetchTimeout` from the moment in which the fetcher is called", async () => {
    const slow = processOver(memoryAdapter(), { latency: 2 });
    const adapter = {
      ...slow,
      acquire: (...asked: Parameters<typeof slow.acquire>) =>
        Effect.delay(slow.acquire(...asked), asked[0] === "key 0" ? 300 : 0),
    };
    for (const spans of [undefined, []]) {
      const client = Cache.make({ adapter, fetchTimeout: 200 });
      const calls = client.getOrSetAll(names(3), fetcher(100));
      const values = await simulate().run(spans === undefined ? calls : keepSpans(calls, spans));
      assert.equal(values.size, 3);
      assert.equal(client.stats().failedFetches, 0);
      for (const key of names(3)) await Effect.runPromise(client.delete(key));
      const error = await simulate().run(errorOf(client.getOrSetAll(names(3), fetcher(10_000))));
      assert.equal((error as CacheLockingError)._tag, "FETCHER_FAILED");
    }
  });

  it("lets go of the leases where what the fetcher returned throws as it is read", async () => {
    const simulation = simulate();
    const { store, requests } = storeOfMany();
    const client = Cache.make({ adapter: store, leaseTtl: 300 });
    const fetched = {
      has: () => true,
      get: (key: string) => key === "key 0" ? assert.fail("no row") : `value of ${key}`,
    };
    const exits = await simulation.run(
      client.getOrSetMany(names(2), () => Effect.succeed(fetched as never)),
    );
    const [bad, good] = [...exits.values()];
    assert.ok(Exit.isFailure(bad!) && Exit.isSuccess(good!));
    assert.equal((Cause.squash(bad.cause) as CacheLockingError)._tag, "FETCHER_FAILED");
    assert.equal(simulation.timers(), 0);
    assert.ok(requests.some(([operation]) => operation === "release"), String(requests));
  });
});
