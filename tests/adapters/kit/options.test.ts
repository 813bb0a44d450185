import assert from "node:assert/strict";
import { it } from "node:test";
import { cloudflareD1Adapter, cloudflareD1Leases } from "../../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../../adapters/cloudflare_kv.ts";
import { dynamodbAdapter, dynamodbLeases } from "../../../adapters/dynamodb.ts";
import { memcachedAdapter, memcachedLeases } from "../../../adapters/memcached.ts";
import { memoryAdapter } from "../../../adapters/memory.ts";
import { mongodbAdapter, mongodbLeases } from "../../../adapters/mongodb.ts";
import { postgresAdapter, postgresLeases } from "../../../adapters/postgres.ts";
import { r2Adapter, r2Leases } from "../../../adapters/r2.ts";
import { redisAdapter, redisLeases } from "../../../adapters/redis.ts";
import { s3Adapter, s3Leases } from "../../../adapters/s3.ts";
import { sqliteAdapter, sqliteLeases } from "../../../adapters/sqlite.ts";
import {
  r2Adapter as r2AdapterOfWorkers,
  r2Leases as r2LeasesOfWorkers,
} from "../../../adapters/workers/r2.ts";

const makers: Record<string, ((options: never) => unknown)[]> = {
  "cloudflare-d1": [cloudflareD1Adapter, cloudflareD1Leases],
  "cloudflare-kv": [cloudflareKvAdapter],
  dynamodb: [dynamodbAdapter, dynamodbLeases],
  memcached: [memcachedAdapter, memcachedLeases],
  memory: [memoryAdapter],
  mongodb: [mongodbAdapter, mongodbLeases],
  postgres: [postgresAdapter, postgresLeases],
  r2: [r2Adapter, r2Leases, r2AdapterOfWorkers, r2LeasesOfWorkers],
  redis: [redisAdapter, redisLeases],
  s3: [s3Adapter, s3Leases],
  sqlite: [sqliteAdapter, sqliteLeases],
};

/** An option that is put where other adapters, or other libraries, have it, and what is meant. */
const misplaced: Record<string, [object, unknown: string, nearest: string]> = {
  "cloudflare-kv": [{ leases: { tables: "a" } }, "leases.tables", "leases.table"],
  dynamodb: [{ attributes: { keys: "a" } }, "attributes.keys", "attributes.key"],
  memory: [{ maxEntry: 5 }, "maxEntry", "maxEntries"],
  redis: [{ keyPrefix: "a:" }, "keyPrefix", "cache.keyPrefix"],
};

for (const [name, of] of Object.entries(makers)) {
  it(`${name} refuses an option that it doesn't have, and names the nearest`, () => {
    const [options, unknown, nearest] = misplaced[name] ??
      [{ prefix: "a:" }, "prefix", "keyPrefix"];
    const message = `it has no option "${unknown}"; the nearest is \`${nearest}\``;
    for (const make of of) assert.throws(() => make(options as never), new TypeError(message));
  });
}
