import { Effect } from "effect";
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheLockingError } from "../../mod.ts";
import { lazyStore } from "../../src/store/lazy_store.ts";
import { leasesHalf } from "../../src/store/leases_half.ts";
import { all, times } from "../support/herd.ts";

const run = Effect.runPromise;

test("a store is loaded by its first operation, once", async () => {
  let loads = 0;
  const store = lazyStore("memory", () => Promise.resolve((loads++, memoryAdapter())));
  assert.equal(loads, 0);
  await run(all(times(2, () => store.set("key", 1))));
  assert.equal((await run(store.get("key")))?.value, 1);
  assert.notEqual(await run(Effect.scoped(store.watch!("key"))), undefined);
  assert.equal(loads, 1);
});

test("a store that couldn't be loaded fails as its operation does, and is loaded again", async () => {
  let loads = 0;
  const load = () =>
    loads++ ? Promise.resolve(memoryAdapter()) : Promise.reject(new Error("no such module"));
  const store = lazyStore("memory", load);
  const error = await run(Effect.flip(store.get("key")));
  assert.equal(error.message, 'Cannot read the entry of "key": no such module');
  assert.equal(await run(store.get("key")), undefined);
});

test("a call whose store couldn't be loaded is told which, and the next call has it", async () => {
  let loads = 0;
  const load = () =>
    loads++ ? Promise.resolve(memoryAdapter()) : Promise.reject(new Error("no such module"));
  const call = Cache.getOrSet({
    adapter: lazyStore("dynamodb", load),
    key: "key",
    fetcher: () => Effect.succeed("value"),
  });
  const failures = await run(all(times(20, () => Effect.flip(call))));
  for (const { _tag, context, message } of failures as CacheLockingError[]) {
    assert.equal(_tag, "CACHE_GET_FAILED");
    assert.deepEqual(context, { key: "key", phase: "get", adapter: "dynamodb" });
    assert.match(message, /no such module/);
  }
  assert.equal(loads, 1);
  assert.equal((await run(call)).value, "value");
  assert.equal(loads, 2);
});

test("a store that has no watch once it is loaded has no push", async () => {
  const { watch: _, ...withoutPush } = memoryAdapter();
  const store = lazyStore("memory", () => Promise.resolve(withoutPush));
  assert.equal(await run(Effect.scoped(store.watch!("key"))), undefined);
});

test("a store that can announce can do so once it is loaded", async () => {
  const told: string[] = [];
  const announce = (key: string, owner: string) => {
    told.push(`${owner} of ${key}`);
    return () => void told.push("ended");
  };
  const store = lazyStore("memory", () => Promise.resolve({ ...memoryAdapter(), announce }));
  assert.equal(store.announce, undefined);
  await run(store.get("key"));
  store.announce!("key", "owner")();
  assert.deepEqual(told, ["owner of key", "ended"]);
});

test("what it has opened is closed with its client, and nothing is loaded for that", async () => {
  let closed = 0;
  let loads = 0;
  const store = lazyStore("memory", () => {
    loads++;
    return Promise.resolve({ ...memoryAdapter(), closeIdle: () => void closed++ });
  });
  await run(Cache.make({ adapter: store }).close());
  assert.deepEqual([loads, closed], [0, 0]);
  await run(store.get("key"));
  await run(Cache.make({ adapter: store }).close());
  await run(Cache.make({ adapter: memoryAdapter(), leases: leasesHalf(store) }).close());
  assert.deepEqual([loads, closed], [1, 2]);
});
