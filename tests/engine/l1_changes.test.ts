import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { l1Store } from "../../src/store/l1.ts";
import type { ChangesListener, Store } from "../../src/store/store.ts";

/** An L1 over a store that tells of changes by hand, and a clock that is moved by hand. */
function world(toldTtl?: number, ttl?: number) {
  let now = 10_000;
  let listener: ChangesListener | undefined;
  const memory = memoryAdapter<unknown>();
  const { peek: _, ...store } = memory as Store<unknown>;
  const l1 = l1Store(
    {
      ...store,
      changes: {
        hashOf: (key) => key.charCodeAt(0),
        ttl: toldTtl,
        listen(heard) {
          listener = heard;
          return () => void (listener = undefined);
        },
      },
    },
    { ttl, maxEntries: 10, maxBytes: Infinity, copy: false },
    { monotonic: () => now },
  );
  return {
    tell: () => listener!,
    isTold: () => listener !== undefined,
    close: () => l1.closeIdle!(),
    pass: (millis: number) => void (now += millis),
    set: (key: string, value: unknown) => Effect.runPromise(memory.set(key, value)),
    read: (key: string) => Effect.runPromise(l1.get(key)),
    kept: (key: string) => l1.peek!(key, now)?.value,
  };
}

describe("an L1 that is told of changes", () => {
  it("keeps entries for a minute while it is, and else for a second", async () => {
    const { tell, pass, set, read, kept } = world();
    await set("a", 1);
    await read("a");
    assert.equal(kept("a"), 1);
    pass(1_001);
    assert.equal(kept("a"), undefined);
    tell().stands(1_000_000);
    await read("a");
    pass(59_000);
    assert.equal(kept("a"), 1);
    pass(1_001);
    assert.equal(kept("a"), undefined);
  });

  it("evicts what wasn't read lately, and hears of what is kept then", async () => {
    const { tell, set, read, kept } = world();
    const keys = [..."abcdefghijkl"];
    for (const key of keys) await set(key, key);
    await read("a");
    tell().stands(1_000_000);
    for (const key of keys.slice(0, 10)) await read(key);
    assert.equal(kept("a"), "a");
    await read("k");
    await read("l");
    assert.deepEqual(keys.filter((key) => kept(key) === undefined), ["b", "c"]);
    tell().changed("b".charCodeAt(0));
    await read("b");
    tell().changed("k".charCodeAt(0));
    assert.deepEqual([kept("b"), kept("k"), kept("l")], ["b", undefined, "l"]);
    tell().changed("b".charCodeAt(0));
    assert.equal(kept("b"), undefined);
  });

  it("keeps them for as long as those who tell of changes say", async () => {
    const { tell, pass, set, read, kept } = world(5_000);
    await read("a");
    tell().stands(1_000_000);
    await set("a", 1);
    await read("a");
    pass(4_990);
    assert.equal(kept("a"), 1);
    pass(20);
    assert.equal(kept("a"), undefined);
  });

  it("keeps them for a second where changes that couldn't be told could be since", async () => {
    const { tell, pass, set, read, kept } = world(undefined, 30_000);
    await set("a", 1);
    await read("a");
    tell().none();
    await read("a");
    pass(29_000);
    assert.equal(kept("a"), 1);
    tell().stands(1_000_000);
    tell().stands(undefined);
    await read("a");
    pass(990);
    assert.equal(kept("a"), 1);
    pass(20);
    assert.equal(kept("a"), undefined);
  });

  it("serves nothing once it isn't any more, though nobody says so", async () => {
    const { tell, pass, set, read, kept } = world();
    await read("a");
    tell().stands(13_000);
    await set("a", 1);
    await read("a");
    pass(2_990);
    assert.equal(kept("a"), 1);
    pass(20);
    assert.equal(kept("a"), undefined);
    tell().stands(20_000);
    assert.equal(kept("a"), undefined);
  });

  it("drops what has changed, of all keys with the hash, and all where something was missed", async () => {
    const { tell, set, read, kept } = world();
    await read("x");
    tell().stands(1_000_000);
    for (const key of ["a1", "a2", "b"]) {
      await set(key, key);
      await read(key);
    }
    assert.deepEqual(["a1", "a2", "b"].map(kept), [undefined, "a2", "b"]);
    tell().changed("a".charCodeAt(0));
    assert.deepEqual(["a1", "a2", "b"].map(kept), [undefined, undefined, "b"]);
    tell().missed();
    assert.equal(kept("b"), undefined);
  });

  it("listens no more once it is closed, or wasn't used, and again with the next read", async () => {
    const { tell, isTold, close, pass, read } = world();
    await read("a");
    close();
    assert.ok(!isTold());
    await read("a");
    tell().stands(1_000_000);
    assert.ok(isTold());
    pass(60_001);
    tell().stands(1_000_000);
    assert.ok(!isTold());
  });
});
