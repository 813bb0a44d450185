import type { Codec } from "../../src/store/codec.ts";
import type { SmithyClient } from "../kit/smithy.ts";

/**
 * The client, a `DynamoDBClient` of
 * [@aws-sdk/client-dynamodb](https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/client/dynamodb/). It is declared
 * here, so that other users don't need its types. The adapter never destroys it.
 */
export type DynamodbClient = SmithyClient;

/** The names of an item's attributes. They must differ from one another. */
export interface DynamodbAttributes {
  /** The table's partition key, a string: the key, after the prefix; `'key'` by default. */
  readonly key?: string | undefined;
  /** The entry's value, a string or binary from the codec; `'value'` by default. */
  readonly value?: string | undefined;
  /** The end of the entry, its stale time included, in epoch milliseconds; `'expiresAt'` by default. */
  readonly expiresAt?: string | undefined;
  /** The end of the time in which the entry is fresh, if it has a stale time; `'freshUntil'` by default. */
  readonly freshUntil?: string | undefined;
  /** How long the entry is stale, in milliseconds; `'staleFor'` by default. */
  readonly staleFor?: string | undefined;
  /** How long the entry's fetch took, in milliseconds, if that is to be known; `'took'` by default. */
  readonly took?: string | undefined;
  /** The time after which DynamoDB may delete the item, in epoch seconds; `'ttl'` by default. */
  readonly ttl?: string | undefined;
  /** The owner of the lease; `'owner'` by default. */
  readonly owner?: string | undefined;
  /** A random text that every write changes; `'version'` by default. */
  readonly version?: string | undefined;
  /** The length of the lease, in milliseconds; `'leaseTtl'` by default. */
  readonly leaseTtl?: string | undefined;
  /** The end of the lease, or of what is remembered of it, in epoch milliseconds; `'leaseUntil'` by default. */
  readonly leaseUntil?: string | undefined;
  /** How many fetches have failed in a row; `'failures'` by default. */
  readonly failures?: string | undefined;
  /** Until when nobody is to fetch after the last failure, in epoch milliseconds; `'quietUntil'` by default. */
  readonly quietUntil?: string | undefined;
  /** The end of the last lease, if not by a fill, and its owner; `'ended'` by default. */
  readonly ended?: string | undefined;
}

/** The options of {@linkcode dynamodbLeases}. */
export interface DynamodbLeasesOptions {
  /** The client. Only the user destroys it. */
  readonly client: DynamodbClient;
  /** The table's name or ARN. */
  readonly table: string;
  /** Other names for the attributes. */
  readonly attributes?: DynamodbAttributes | undefined;
  /** The prefix of keys in the table: none by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode dynamodbAdapter}. */
export interface DynamodbAdapterOptions extends DynamodbLeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
