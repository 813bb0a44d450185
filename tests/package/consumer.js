import assert from "node:assert/strict";
import { Cache } from "cache-locking";
import { dynamodbAdapter } from "cache-locking/dynamodb";
import { memoryAdapter } from "cache-locking/memory";
import { createCache } from "cache-locking/promise";
import { r2Adapter } from "cache-locking/r2";
import { s3Adapter } from "cache-locking/s3";
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

// Clients of packages that aren't installed.
const send = () => Promise.reject(new Error("must not be reached"));
const client = { send };
const needy = {
  "@aws-sdk/client-dynamodb": [dynamodbAdapter({ client, table: "cache" })],
  "@aws-sdk/client-s3": [s3Adapter, r2Adapter].map((adapter) => adapter({ client, bucket: "cache" })),
};
for (const [name, stores] of Object.entries(needy)) {
  for (const store of stores) {
    const { message } = await Effect.runPromise(Effect.flip(store.get("a")));
    const reason = `the package "${name}" can't be loaded; install it`;
    assert.equal(message, `Cannot read the entry of "a": ${reason}`);
  }
}

const plain = createCache({ adapter: "memory" });
assert.deepEqual(await plain.getOrSet("plain", () => ({ fetch: 1 })), { fetch: 1 });
