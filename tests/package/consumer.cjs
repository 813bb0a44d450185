const assert = require("node:assert/strict");
const { Cache } = require("cache-locking");
const { memoryAdapter } = require("cache-locking/memory");
const { Effect } = require("effect");

const cache = Cache.make({ adapter: memoryAdapter() });
const call = cache.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
Effect.runPromise(call).then(({ meta }) => assert.equal(meta.cache, "MISS-LEADER"));
