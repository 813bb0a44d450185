import { Effect, Option } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ofBigint } from "../support/adapter_cases.ts";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type Store } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { devalueCodec } from "../../src/store/devalue_codec.ts";
import { lazyStore } from "../../src/store/lazy_store.ts";
import { mapBackend, mapStore } from "../adapters/kit/map_store.ts";
import { skipDevalue } from "../support/devalue.ts";
import { handWritten } from "../support/hand_written.ts";
import { all, times } from "../support/herd.ts";

const run = Effect.runPromise;
const at = new Date(0);
const fetcher = () => Effect.delay(Effect.succeed({ at } as { at: unknown }), 5);
const text = { at: "1970-01-01T00:00:00.000Z" };

describe("over a remote store a miss returns what a later hit returns", () => {
  const stores: Record<string, () => Store<unknown>> = {
    "loaded at once": () => mapStore(mapBackend()),
    "loaded later": () => lazyStore("map", () => Promise.resolve(mapStore(mapBackend()))),
  };
  for (const [name, open] of Object.entries(stores)) {
    it(`to the leader, to who joined it, and later: ${name}`, async () => {
      const cache = Cache.make({ adapter: open() });
      const results = await run(all(times(3, () => cache.getOrSet("a", fetcher))));
      assert.deepEqual(results.map(({ value }) => value), [text, text, text]);
      const later = await run(cache.getOrSet("a", fetcher));
      assert.deepEqual([later.value, later.meta.cache], [text, "HIT"]);
    });
  }

  it("by the codec of the call, and by its adapter's where the leases are elsewhere", {
    skip: skipDevalue,
  }, async () => {
    const cache = Cache.make({ adapter: mapStore(mapBackend()) });
    const kept = await run(cache.getOrSet("a", fetcher, { codec: devalueCodec }));
    assert.deepEqual(kept.value, { at });
    assert.notEqual((kept.value as { at: Date }).at, at);
    const { readyLeases: leases } = handWritten(0);
    const mixed = Cache.make({ adapter: mapStore(mapBackend()), leases });
    assert.deepEqual((await run(mixed.getOrSet("a", fetcher))).value, text);
  });

  it("also where nothing is stored, and where the cache is bypassed", async () => {
    const store = mapStore(mapBackend());
    const cache = Cache.make({ adapter: store, cacheTtl: 0 });
    assert.deepEqual((await run(cache.getOrSet("a", fetcher))).value, text);
    const broken = { ...store, get: () => Effect.fail(new Error("down") as never) };
    const bypassing = Cache.make({
      adapter: broken,
      onCacheFailure: "bypass",
      hooks: { onError: () => Effect.void },
    });
    const { value, meta } = await run(bypassing.getOrSet("b", fetcher));
    assert.deepEqual([value, meta.cache], [text, "BYPASS"]);
  });

  it("but what can't be encoded as it is, and that is reported once", async () => {
    const errors: string[] = [];
    const cache = Cache.make({
      adapter: mapStore(mapBackend()),
      hooks: { onError: ({ message }) => Effect.sync(() => void errors.push(message)) },
    });
    const value = { big: 1n };
    const result = await run(cache.getOrSet("a", () => Effect.succeed(value)));
    assert.equal(result.value, value);
    assert.equal(result.meta.cache, "MISS-LEADER-NOCACHE");
    assert.equal(errors.length, 1);
    assert.ok(errors[0]!.includes(`the codec can't encode the value: ${ofBigint}`));
  });

  it("and encodes it once", async () => {
    let encoded = 0;
    const codec = {
      encode: (value: unknown) => (encoded++, JSON.stringify(value)),
      decode: (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)),
    };
    const cache = Cache.make({ adapter: mapStore(mapBackend()), codec });
    await run(cache.getOrSet("a", fetcher));
    assert.equal(encoded, 1);
  });
});

describe("`copy`", () => {
  const adapters: Record<string, () => Store<unknown>> = {
    "in memory": () => memoryAdapter(),
    "over a remote store": () => mapStore(mapBackend()),
  };
  for (const [where, open] of Object.entries(adapters)) {
    it(`gives each caller a value of its own ${where}`, async () => {
      const source = { list: [1] };
      const fetch = () => Effect.delay(Effect.succeed(source), 5);
      const cache = Cache.make({ adapter: open(), copy: true });
      const calls = () => all(times(3, () => cache.getOrSet("a", fetch)));
      const results = [...await run(calls()), ...await run(calls())];
      const values = results.map(({ value }) => value);
      assert.equal(new Set([...values, source]).size, 7);
      values[0]!.list.push(2);
      values[3]!.list.push(2);
      assert.deepEqual((await run(cache.getOrSet("a", fetch))).value, { list: [1] });
      assert.deepEqual(source, { list: [1] });
    });

    it(`does so for promises ${where}`, async () => {
      const cache = createCache({ adapter: open(), copy: true });
      const fetch = () => Promise.resolve({ list: [1] });
      const misses = await Promise.all(times(9, () => cache.getOrSet("a", fetch)));
      const hits = await Promise.all(times(9, () => cache.getOrSet("a", fetch)));
      assert.equal(new Set([...misses, ...hits]).size, 18);
    });

    it(`does so for who only reads ${where}`, async () => {
      const options = { adapter: open(), copy: true };
      const [client, cache] = [Cache.make(options), createCache(options)];
      await cache.set("a", { list: [1] });
      const values = [
        await cache.get<object>("a"),
        (await cache.getMany<object>(["a"])).get("a"),
        (await cache.getEntry<object>("a"))?.value,
        Option.getOrThrow(await run(client.get<object>("a"))),
      ];
      assert.equal(new Set(values).size, values.length);
      for (const value of values) assert.deepEqual(value, { list: [1] });
    });
  }

  it("shares what can't be copied", async () => {
    const value = { run: () => 1 };
    const cache = Cache.make({ adapter: memoryAdapter(), copy: true });
    assert.equal((await run(cache.getOrSet("a", () => Effect.succeed(value)))).value, value);
  });
});
