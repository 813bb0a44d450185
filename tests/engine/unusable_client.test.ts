import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AdapterConfig, Cache, isCacheLockingError } from "../../mod.ts";
import { errorOf, KEY } from "../support/herd.ts";

const none = {} as never;

/** Clients that are no clients of ours, with the methods that matter, and what they are told to lack. */
const strangers: readonly [string, AdapterConfig, string][] = [
  [
    "node-redis 4",
    {
      type: "redis",
      options: {
        client: { get() {}, eval() {}, evalSha() {}, on() {}, removeListener() {} } as never,
      },
    },
    "`client` must be an ioredis client, or one of iovalkey or of node-redis, 5 or 6, and is an object without " +
    "`defineCommand`, `getBuffer`, `pttl`, or without `withTypeMapping`",
  ],
  [
    "ioredis-mock",
    {
      type: "redis",
      options: { client: { defineCommand() {}, getBuffer() {}, pttl() {} } as never },
    },
    "`client` must be an ioredis client, 5 or 6: it has no `cacheLocking1_acquireBuffer` after `defineCommand`",
  ],
  [
    "an object, to redis",
    { type: "redis", options: { client: none } },
    "an object without `defineCommand`, `getBuffer`, `pttl`, or without `withTypeMapping`, `get`, `eval`, " +
    "`evalSha`, `on`, `removeListener`",
  ],
  [
    "a subscriber of ioredis that can't subscribe",
    {
      type: "redis",
      options: {
        client: { defineCommand() {}, getBuffer() {}, pttl() {} } as never,
        subscriber: { on() {}, removeListener() {}, disconnect() {} } as never,
      },
    },
    "`subscriber` must be an ioredis connection, and is an object without `subscribe`, `unsubscribe`",
  ],
  [
    "a collection of another driver",
    {
      type: "mongodb",
      options: { collection: { findOne() {}, updateOne() {}, deleteOne() {} } as never },
    },
    "`collection` must be a collection of the MongoDB driver, and is an object without `findOneAndUpdate`",
  ],
  [
    "pg to `sql`",
    { type: "postgres", options: { sql: { query() {} } as never } },
    "`sql` must be a postgres.js client, and no transaction, and is an object without `unsafe`, `listen`",
  ],
  [
    "a client of pg, which is no pool",
    {
      type: "postgres",
      options: { pool: { query() {}, connect() {}, on() {} } as never },
    },
    "`pool` must be a `Pool` of pg, and is an object without `Client`",
  ],
  [
    "another client of memcached",
    { type: "memcached", options: { client: { get() {}, server() {} } as never } },
    "`client` must be a memjs client, and is an object without `perform`, `incrSeq`",
  ],
  [
    "an object, to dynamodb",
    { type: "dynamodb", options: { client: none, table: "cache" } },
    "`client` must be a DynamoDBClient, and is an object without `send`",
  ],
  [
    "an object, to s3",
    { type: "s3", options: { client: none, bucket: "cache" } },
    "`client` must be an S3 client, and is an object without `send`",
  ],
  [
    "an object, to r2",
    { type: "r2", options: { bucket: none } },
    "`bucket` must be a binding, or a name beside `client`, and is an object without `put`",
  ],
  [
    "an object, to sqlite",
    { type: "sqlite", options: { db: none } },
    "`db` must be a connection of SQLite, and is an object without `prepare`, `exec`",
  ],
  [
    "an object, to cloudflare-d1",
    { type: "cloudflare-d1", options: { db: none } },
    "`db` must be a D1 binding, and is an object without `prepare`, `batch`",
  ],
  [
    "an object, to cloudflare-kv",
    { type: "cloudflare-kv", options: { kv: { put() {} } as never, leasesDb: none } },
    "`kv` must be a KV binding, and is an object without `getWithMetadata`",
  ],
];

describe("a client that can't be used", () => {
  for (const [name, adapter, message] of strangers) {
    for (const onCacheFailure of ["fail", "bypass"] as const) {
      it(`is a VALIDATION_ERROR that says what it lacks: ${name}, ${onCacheFailure}`, async () => {
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
          assert.ok(error.message.includes(message), error.message);
        }
      });
    }
  }
});
