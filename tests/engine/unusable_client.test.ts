import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AdapterConfig, Cache, isCacheLockingError } from "../../mod.ts";
import { errorOf, KEY } from "../support/herd.ts";

/** The methods of clients that are no clients of ours, as far as they matter. */
const strangers: readonly [string, AdapterConfig, RegExp][] = [
  [
    "node-redis",
    { type: "redis", options: { client: { sendCommand() {}, connect() {} } as never } },
    /`client` must be .*ioredis/,
  ],
  [
    "ioredis-mock",
    {
      type: "redis",
      options: { client: { defineCommand() {}, getBuffer() {}, pttl() {} } as never },
    },
    /`client` must be an ioredis client, 5 or 6: it has no `cacheLocking1_acquireBuffer` after/,
  ],
  [
    "a collection of another driver",
    { type: "mongodb", options: { collection: { find() {} } as never } },
    /`collection` must be/,
  ],
  ["pg", { type: "postgres", options: { sql: { query() {} } as never } }, /`sql` must be/],
  ["memcached", { type: "memcached", options: { client: { get() {} } as never } }, /`client`/],
];

describe("a client that can't be used", () => {
  for (const [name, adapter, message] of strangers) {
    for (const onCacheFailure of ["fail", "bypass"] as const) {
      it(`is a VALIDATION_ERROR that says what it must be: ${name}, ${onCacheFailure}`, async () => {
        const cache = Cache.make({ adapter, onCacheFailure });
        const calls: Effect.Effect<unknown, unknown>[] = [
          cache.getOrSet(KEY, () => Effect.succeed("value")),
          cache.get(KEY),
          cache.set(KEY, "value"),
          cache.delete(KEY),
        ];
        for (const call of calls) {
          const error = await Effect.runPromise(errorOf(call));
          assert.ok(isCacheLockingError(error));
          assert.equal(error._tag, "VALIDATION_ERROR");
          assert.match(error.message, message);
        }
      });
    }
  }
});
