import { Effect, Option } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cache, isCacheLockingError } from "../../mod.ts";
import { devalueCodec } from "../../src/store/devalue_codec.ts";
import { lazyStore } from "../../src/store/lazy_store.ts";
import { mapBackend, mapStore } from "../adapters/kit/map_store.ts";
import { skipDevalue } from "../support/devalue.ts";
import { handWritten } from "../support/hand_written.ts";
import { all, errorOf } from "../support/herd.ts";
import { memoryAdapter } from "../../adapters/memory.ts";

const run = Effect.runPromise;
const value = { at: new Date(0), tags: new Set(["a"]), big: 1n };
const fetcher = () => Effect.succeed(value);
const silent = { onError: () => Effect.void };

describe("a codec", () => {
  it("is the client's: for getOrSet, get and set, in all of its processes", {
    skip: skipDevalue,
  }, async () => {
    const backend = mapBackend();
    const [one, two] = [
      mapStore(backend),
      lazyStore("map", () => Promise.resolve(mapStore(backend))),
    ].map(
      (adapter) => Cache.make({ adapter, codec: devalueCodec }),
    );
    await run(one!.getOrSet("a", fetcher));
    assert.deepEqual(await run(two!.getOrSet("a", fetcher)), { value, meta: { cache: "HIT" } });
    await run(two!.set("b", value));
    assert.deepEqual(await run(one!.get("b")), Option.some(value));
    // Leases elsewhere don't take it away.
    const { readyLeases: leases } = handWritten();
    const mixed = Cache.make({ adapter: mapStore(backend), leases, codec: devalueCodec });
    assert.deepEqual(await run(mixed.get("b")), Option.some(value));
  });

  it("is the call's, in place of the client's", { skip: skipDevalue }, async () => {
    const backend = mapBackend();
    const cache = Cache.make({ adapter: mapStore(backend), hooks: silent });
    const first = await run(cache.getOrSet("a", fetcher, { codec: devalueCodec }));
    assert.equal(first.meta.cache, "MISS-LEADER");
    const again = await run(cache.getOrSet("a", fetcher, { codec: devalueCodec }));
    assert.deepEqual(again, { value, meta: { cache: "HIT" } });
    // What it wrote is no entry for the client's own.
    const { meta } = await run(cache.getOrSet("a", () => Effect.succeed(1)));
    assert.equal(meta.cache, "MISS-LEADER");
  });

  it("shares no flight with another: each caller has what its own makes of the value", async () => {
    const adapter = mapStore(mapBackend());
    const cache = Cache.make({ adapter, hooks: silent });
    const slowly = () => Effect.delay(fetcher(), 20);
    const [json, kept] = await run(all([
      cache.getOrSet("a", () => Effect.delay(Effect.succeed("text"), 20)),
      cache.getOrSet("a", slowly as never, { codec: devalueCodec }),
    ]));
    assert.deepEqual(json!.value, "text");
    assert.deepEqual(kept!.value, value);
  });

  it("leaves a change of the key no flight to go on, whatever codec began it", async () => {
    const cache = Cache.make({ adapter: mapStore(mapBackend()), hooks: silent });
    const slowly = (value: string) => () => Effect.delay(Effect.succeed(value), 30);
    const options = { codec: devalueCodec };
    const [, later] = await run(all([
      cache.getOrSet("a", slowly("old"), options),
      Effect.delay(
        Effect.flatMap(cache.delete("a"), () => cache.getOrSet("a", slowly("new"), options)),
        10,
      ),
    ]));
    assert.equal(later!.value, "new");
  });

  it("means nothing in memory, which keeps what it is given", async () => {
    const cache = Cache.make({ adapter: memoryAdapter(), codec: devalueCodec });
    const { value: found } = await run(cache.getOrSet("a", fetcher));
    assert.equal(found, value);
  });

  it("is refused where it is none, and by an adapter that has none", async () => {
    const refused = async (options: object, message: RegExp) => {
      const cache = Effect.suspend(() =>
        Cache.getOrSet({ key: "a", fetcher, ...options } as never)
      );
      const error = await run(errorOf(cache));
      assert.ok(isCacheLockingError(error) && error._tag === "VALIDATION_ERROR");
      assert.match(error.message, message);
    };
    const { cache, readyLeases: leases } = handWritten();
    await Promise.all([
      refused({ adapter: mapStore(mapBackend()), codec: { encode: String } }, /`codec`/),
      refused({ adapter: "memory", codec: "json" }, /`codec`/),
      refused({ adapter: { cache, leases }, codec: devalueCodec }, /`codec`.*has no codecs/),
    ]);
  });
});
