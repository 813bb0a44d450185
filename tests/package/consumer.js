import assert from "node:assert/strict";
import { Cache } from "cache-locking";
import { memoryAdapter } from "cache-locking/memory";
import { Effect } from "effect";

let fetches = 0;
const fetcher = () => Effect.sync(() => ({ fetch: ++fetches }));

const once = () => Effect.runPromise(Cache.getOrSet({ adapter: "memory", key: "a", fetcher }));
const together = await Promise.all([once(), once(), once()]);
assert.deepEqual(together.map(({ value }) => value.fetch), [1, 1, 1]);
assert.equal((await once()).meta.cache, "HIT");

const cache = Cache.make({ adapter: memoryAdapter({ maxEntries: 10 }), cacheTtl: "1 minute" });
const { value, meta } = await Effect.runPromise(cache.getOrSet("a", fetcher));
assert.equal(value.fetch, 2);
assert.equal(meta.cache, "MISS-LEADER");
