/**
 * The DynamoDB adapter: entries and leases in one table, an item for each key, through a client of the AWS SDK, version
 * 3.
 *
 * The table needs a partition key of type String and no sort key. Let DynamoDB delete expired items by [its
 * TTL](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html) on the attribute `ttl`. That takes up
 * to days, so reads check `expiresAt`. The client needs the permissions for `GetItem`, `PutItem`, `UpdateItem` and
 * `DeleteItem`.
 *
 * A hit is one request, a miss without contention three. Reads are strongly consistent: a `set` or a `delete` is seen
 * at once. There is no push: followers poll.
 *
 * DynamoDB has no clock to ask. A lease expires for a process that has seen one version of it unchanged for its length.
 * So a takeover from a dead process takes `leaseTtl` from a follower's first look, and no process's clock matters.
 * Entries expire by DynamoDB's time, from the `Date` of its replies: to the millisecond if a process's clock is right,
 * and to about a second otherwise, and so do their fresh and stale times, and those of a failure. An `expire` is two
 * requests, of which the second depends on the version that the first has read. So is the release of a lease beside an
 * entry that is to be kept for more than a day. A stale entry whose refresher has died is kept for a day at most, if nobody
 * asks for it. How many fetches have failed in a row is forgotten after a minute, but a later lease that is cancelled brings
 * the old number back, for the length of that lease.
 *
 * An item is 400 KB at most. A key with its prefix is 2048 bytes of UTF-8 at most. In a global table each region checks
 * conditions for itself, so each has its own leader, unless the table is strongly consistent in all of them.
 *
 * @example
 * ```ts dynamodb
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import {
 *   CreateTableCommand,
 *   DeleteTableCommand,
 *   DynamoDBClient,
 *   waitUntilTableExists,
 * } from "@aws-sdk/client-dynamodb";
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { dynamodbAdapter } from "cache-locking/dynamodb";
 *
 * const client = new DynamoDBClient({ endpoint: process.env.DYNAMODB_URL! });
 * await client.send(
 *   new CreateTableCommand({
 *     TableName: "users",
 *     AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
 *     KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
 *     BillingMode: "PAY_PER_REQUEST",
 *   }),
 * );
 * await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: "users" });
 *
 * const users = Cache.make({
 *   adapter: dynamodbAdapter({ client, table: "users" }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 *
 * await client.send(new DeleteTableCommand({ TableName: "users" }));
 * client.destroy();
 * ```
 *
 * @module
 */
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { dynamodbBackend } from "./dynamodb/backend.ts";
import { attributeNames, namesOf } from "./dynamodb/items.ts";
import { whyFailed } from "./dynamodb/sdk.ts";
import { makeNames } from "./kit/names.ts";
import { checkMethods, checkOption } from "./kit/options.ts";
import { makeStore } from "./kit/store.ts";
import type { DynamodbAdapterOptions, DynamodbLeasesOptions } from "./dynamodb/options.ts";

export type {
  DynamodbAdapterOptions,
  DynamodbAttributes,
  DynamodbClient,
  DynamodbLeasesOptions,
} from "./dynamodb/options.ts";

/**
 * Makes a store. A client may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function dynamodbAdapter<V = unknown>(options: DynamodbAdapterOptions): Store<V> {
  const ofAttributes = attributeNames.map((name) => `attributes.${name}`);
  checkNames(options, "client", "table", "keyPrefix", "codec", ...ofAttributes);
  const { client, table, attributes, keyPrefix, codec } = options;
  checkMethods("client", ["send"], "a DynamoDBClient", client);
  const isName = typeof table === "string" && table !== "";
  checkOption("table", isName, "a table's name", table);
  const names = namesOf(attributes);
  return makeStore({
    name: "dynamodb",
    backend: dynamodbBackend({ client, table }, names),
    nameOf: makeNames({ prefix: keyPrefix, longest: LONGEST, refuse: true }),
    codec,
    unordered: true,
    explain: (error) => ({ reason: whyFailed(error, table, names.key) }),
  }) as Store<V>;
}

/** The longest partition key, in bytes. */
const LONGEST = 2048;

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half
 * share a flight. Throws a `TypeError` for bad options.
 */
export function dynamodbLeases(options: DynamodbLeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(dynamodbAdapter({ ...options, keyPrefix }));
}
