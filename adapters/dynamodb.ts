/**
 * The DynamoDB adapter: entries and leases in one table, an item for each key, through a client of the AWS SDK, version 3.
 *
 * The table needs a partition key of type String and no sort key. Let DynamoDB itself delete what is over, by
 * [its TTL](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html) on the attribute `ttl`; that takes
 * it up to days, so reads look at `expiresAt`. The client may need to `GetItem`, `PutItem`, `UpdateItem` and `DeleteItem`.
 *
 * A hit is one request, a miss that nobody contends for three. Reads are strongly consistent: what was set or deleted is
 * seen at once. There is no push, so followers poll.
 *
 * DynamoDB can't be asked for its time. A lease is over for those who have seen one version of it stay unchanged for as
 * long as it lives; so a takeover from a process that died takes that long from the first look on, and nobody's clock
 * matters. Entries end by DynamoDB's time as the `Date` of its replies tells it, so to the millisecond where a process's
 * clock is right, and to about a second where it isn't.
 *
 * An item is 400 KB at most. A key and its prefix are 2048 bytes of UTF-8 at most. In a global table each region checks
 * conditions for itself, so each has a leader of its own, unless the table is strongly consistent in all of them.
 *
 * @example
 * ```ts dynamodb
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
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
import type { AdapterErrorOptions } from "../src/model/errors.ts";
import type { Codec } from "../src/store/codec.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { type DynamodbAttributes, namesOf } from "./dynamodb/attributes.ts";
import { dynamodbBackend } from "./dynamodb/backend.ts";
import { type DynamodbClient, whyFailed } from "./dynamodb/sdk.ts";
import { makeNames } from "./kit/names.ts";
import { checkOption, hasMethods } from "./kit/options.ts";
import { makeStore } from "./kit/store.ts";

export type { DynamodbAttributes } from "./dynamodb/attributes.ts";
export type { DynamodbClient } from "./dynamodb/sdk.ts";

/** The options of {@linkcode dynamodbLeases}. */
export interface DynamodbLeasesOptions {
  /** The client, which stays the user's own to destroy. */
  readonly client: DynamodbClient;
  /** The table's name or ARN. */
  readonly table: string;
  /** Names for the attributes in place of the default ones. */
  readonly attributes?: DynamodbAttributes | undefined;
  /** What the keys in the table begin with: nothing by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode dynamodbAdapter}. */
export interface DynamodbAdapterOptions extends DynamodbLeasesOptions {
  /** How values become text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes a store of its own, over a client that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function dynamodbAdapter<V = unknown>(options: DynamodbAdapterOptions): Store<V> {
  return storeOf(options) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Keep it in a constant, as callers meet by it. Throws
 * a `TypeError` for options that can't be used.
 */
export function dynamodbLeases(options: DynamodbLeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(storeOf({ ...options, keyPrefix }));
}

/** The longest partition key, in bytes. */
const LONGEST = 2048;

function storeOf(
  { client, table, attributes, keyPrefix, codec }: DynamodbAdapterOptions,
): Store<unknown> {
  checkOption("client", hasMethods(client, "send"), "a DynamoDBClient", client);
  const isName = typeof table === "string" && table !== "";
  checkOption("table", isName, "a table's name", table);
  const names = namesOf(attributes);
  const explain = (error: unknown): AdapterErrorOptions => ({
    reason: whyFailed(error, table, names.key),
  });
  return makeStore({
    name: "dynamodb",
    backend: dynamodbBackend({ client, table, names }),
    nameOf: makeNames({ prefix: keyPrefix, longest: LONGEST, beyond: "refuse" }),
    codec,
    unordered: true,
    explain,
  });
}
