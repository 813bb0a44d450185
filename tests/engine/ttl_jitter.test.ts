import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CallOptions, type Store } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

/** A store, and for how long it was told to keep what it was given. */
function told() {
  const store = processOver(memoryAdapter());
  const lifetimes: (number | undefined)[] = [];
  const adapter: Store<unknown> = {
    ...store,
    set: (key, value, lifetime) => {
      lifetimes.push(lifetime?.freshFor);
      return store.set(key, value, lifetime);
    },
    fill: (key, owner, value, lifetime) => {
      lifetimes.push(lifetime?.freshFor);
      return store.fill(key, owner, value, lifetime);
    },
  };
  return { adapter, lifetimes };
}

/** How long entries are kept, of many fills with some options. */
async function filled(options: CallOptions<unknown>, fills = 400) {
  const { adapter, lifetimes } = told();
  const cache = Cache.make({ adapter, ...options });
  const calls = times(fills, (key) => cache.getOrSet(`${key}`, () => Effect.succeed(key)));
  await simulate().run(Effect.all(calls));
  return lifetimes as number[];
}

describe("ttlJitter", () => {
  for (const jitter of [0.1, 1]) {
    it(`${jitter} shortens the cacheTtl of each fill by up to that part, evenly`, async () => {
      for (const cacheTtl of ["10 seconds", () => 10_000] as const) {
        const ttls = await filled({ cacheTtl, ttlJitter: jitter });
        assert.equal(ttls.length, 400);
        assert.ok(ttls.every((ttl) => ttl > 10_000 * (1 - jitter) && ttl <= 10_000));
        const mean = ttls.reduce((sum, ttl) => sum + ttl) / ttls.length;
        // Ten standard deviations.
        assert.ok(Math.abs(mean - 10_000 * (1 - jitter / 2)) < 10_000 * jitter * 0.15, `${mean}`);
        assert.ok(new Set(ttls).size > 390);
      }
    });
  }

  it("is none by default, and shortens neither no expiry nor what isn't stored", async () => {
    assert.deepEqual(new Set(await filled({ cacheTtl: 10_000 })), new Set([10_000]));
    assert.deepEqual(new Set(await filled({ cacheTtl: 10_000, ttlJitter: 0 })), new Set([10_000]));
    assert.deepEqual(new Set(await filled({ ttlJitter: 1 })), new Set([undefined]));
    assert.deepEqual(
      new Set(await filled({ cacheTtl: () => Infinity, ttlJitter: 1 })),
      new Set([undefined]),
    );
    assert.deepEqual(await filled({ cacheTtl: 0, ttlJitter: 1 }), []);
  });

  it("is an option of a call, too", async () => {
    const { adapter, lifetimes } = told();
    const cache = Cache.make({ adapter, cacheTtl: 10_000, ttlJitter: 0.5 });
    const calls = times(
      20,
      (key) => cache.getOrSet(`${key}`, () => Effect.succeed(key), { ttlJitter: 0 }),
    );
    await simulate().run(Effect.all(calls));
    assert.deepEqual(new Set(lifetimes), new Set([10_000]));
  });

  it("of `set` is that of its cacheTtl; a ttl that is given stays as it is", async () => {
    const { adapter, lifetimes } = told();
    const cache = Cache.make({ adapter, cacheTtl: 10_000, ttlJitter: 0.5 });
    await simulate().run(Effect.all(times(50, (key) => cache.set(`${key}`, key))));
    assert.ok(lifetimes.every((ttl) => ttl! > 5_000 && ttl! <= 10_000));
    assert.ok(new Set(lifetimes).size > 45);
    lifetimes.length = 0;
    await simulate().run(Effect.all(times(50, (key) => cache.set(`${key}`, key, 10_000))));
    assert.deepEqual(new Set(lifetimes), new Set([10_000]));
  });

  it("is an option of a cache in promises, too", async () => {
    const { adapter, lifetimes } = told();
    const cache = createCache({ adapter, cacheTtl: "10 seconds", ttlJitter: 0.5 });
    await Promise.all(times(50, (key) => cache.getOrSet(`${key}`, () => key)));
    assert.ok(lifetimes.every((ttl) => ttl! > 5_000 && ttl! <= 10_000));
    assert.ok(new Set(lifetimes).size > 45);
    assert.throws(
      () => createCache({ adapter, ttlJitter: 2 }),
      /`ttlJitter`: it must be a number from 0 to 1, and is 2$/,
    );
  });
});
