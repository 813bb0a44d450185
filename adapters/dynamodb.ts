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
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Effect } from "../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { isWellFormed, prefixOf } from "./kit/keys.ts";
import { makeRequestOrder, type Send, sendAtOnce } from "./kit/request_order.ts";
import { withGracePeriod } from "./kit/grace_period.ts";
import { loadOnce } from "../src/store/load_once.ts";
import { importFromNpm } from "./kit/optional_import.ts";
import { makeServerClock } from "./kit/server_clock.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import { makeLeaseObserver } from "./kit/lease_observer.ts";
import type { Acquired, LeaseOutcome, Store } from "../src/store/store.ts";
import { randomToken } from "../src/model/token.ts";

/**
 * The client, a `DynamoDBClient` of
 * [@aws-sdk/client-dynamodb](https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/client/dynamodb/). It is declared
 * here, so that nobody needs its types who doesn't use it. The adapter never destroys it.
 */
export interface DynamodbClient {
  /** Sends a command, and resolves with its output. */
  send(
    command: never,
    options?: { readonly abortSignal?: AbortSignal },
  ): Promise<unknown>;
}

/** The names of an item's attributes. They must differ from one another. */
export interface DynamodbAttributes {
  /** The table's partition key, a string: the key, after the prefix; `'key'` by default. */
  readonly key?: string | undefined;
  /** The entry's value, a string or binary as the codec has it; `'value'` by default. */
  readonly value?: string | undefined;
  /** When the entry or the lease ends, in epoch milliseconds; `'expiresAt'` by default. */
  readonly expiresAt?: string | undefined;
  /** From when on DynamoDB may delete the item, in epoch seconds; `'ttl'` by default. */
  readonly ttl?: string | undefined;
  /** Who holds the lease; `'owner'` by default. */
  readonly owner?: string | undefined;
  /** A random text that every write changes; `'version'` by default. */
  readonly version?: string | undefined;
  /** How long the lease lives, in milliseconds; `'leaseTtl'` by default. */
  readonly leaseTtl?: string | undefined;
  /** How the last lease ended, if not by a fill, and whose it was; `'ended'` by default. */
  readonly ended?: string | undefined;
}

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
 * Makes the store of a table; the same one for the same client and options. Throws a `TypeError` for options that can't be
 * used.
 */
export function dynamodbAdapter<V = unknown>(options: DynamodbAdapterOptions): Store<V> {
  return sharedStore("dynamodb", options, () => makeStore(options)) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Throws a `TypeError` for options that can't be
 * used.
 */
export function dynamodbLeases(options: DynamodbLeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(
    sharedStore("dynamodb leases", options, () => makeStore({ ...options, keyPrefix })),
  );
}

const PACKAGE = "@aws-sdk/client-dynamodb";

const sdk = loadOnce(async (): Promise<Sdk> => {
  try {
    const module: unknown = await import(PACKAGE);
    return module as Sdk;
  } catch (cause) {
    return await importFromNpm(PACKAGE, "^3", cause);
  }
});

/** The commands of the client, by their names there. */
type Sdk = Readonly<
  Record<
    "DeleteItemCommand" | "GetItemCommand" | "PutItemCommand" | "UpdateItemCommand",
    new (input: object) => Command
  >
>;

/** What is used of a command; its middleware is of [Smithy](https://github.com/smithy-lang/smithy-typescript). */
interface Command {
  readonly middlewareStack: {
    add(
      middleware: never,
      options: { readonly step: "deserialize"; readonly priority: "low" },
    ): void;
  };
}

/** What is used of an attribute: a text, a number or bytes. */
interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly B?: Uint8Array;
}

type Item = Readonly<Record<string, AttributeValue>>;
type Answer = Effect.Effect<Acquired<unknown>, AdapterError>;

/** What became of a request. */
interface Reply {
  /** False if its condition didn't hold. */
  readonly done: boolean;
  /** What there is: to a write that was done, what there was. */
  readonly item: Item | undefined;
}

// `#name` is an attribute, as `DynamodbAttributes` has it, and `:name` a value.
const FREE = "(attribute_not_exists(#owner) OR #version = :over) " +
  "AND (attribute_not_exists(#value) OR #expiresAt <= :now) " +
  "AND (attribute_not_exists(#ended) OR #ended <> :uncached OR #expiresAt <= :now)";
const UNCHANGED = "#version = :seen";
const NO_VERSION = "attribute_not_exists(#version)";
const HELD = "#owner = :owner";
const RENEW =
  "SET #version = :version, #leaseTtl = :leaseTtl, #expiresAt = :expiresAt, #ttl = :ttl";
const TAKE = `${RENEW}, #owner = :owner REMOVE #value`;
const END = "SET #version = :version REMOVE #owner";
const END_SO = "SET #version = :version, #ended = :ended REMOVE #owner";

function makeStore(options: DynamodbAdapterOptions): Store<unknown> {
  checkOptions(options);
  const { client, table, keyPrefix = "" } = options;
  const codec = codecOf(options.codec);
  const names = namesOf(options.attributes);
  const time = makeServerClock();
  const observer = makeLeaseObserver();
  const order = makeRequestOrder();

  let heard = false;
  /** A middleware of commands, so that the client stays as it is: hears each reply, whatever it says. */
  const hear = (next: Handler): Handler => async (args) => {
    const sent = performance.now();
    const result = await next(args);
    heard = true;
    time.learn(Date.parse(result.response.headers?.["date"] ?? ""), sent);
    return result;
  };
  /** `gracePeriod`: for how long at most, in milliseconds, it goes on when nobody waits for it any more. */
  const requestBy = (way: Send, gracePeriod?: number) =>
  (
    operation: AdapterOperation,
    key: string,
    make: (sdk: Sdk, now: number) => Command,
  ): Effect.Effect<Reply, AdapterError> => {
    const reason = whyRefused(keyPrefix + key);
    if (reason !== undefined) {
      return Effect.fail(new AdapterError(operation, key, undefined, { reason }));
    }
    const ask = async (abortSignal: AbortSignal) => {
      const loaded = await sdk();
      const send = (command: Command) => {
        command.middlewareStack.add(hear as never, { step: "deserialize", priority: "low" });
        return client.send(command as never, { abortSignal });
      };
      // The server's clock has to be known before something is written that depends on it.
      if (!heard && operation !== "get") await send(new loaded.GetItemCommand(at(key)));
      return await replyOf(send(make(loaded, time.now())));
    };
    return Effect.tryPromise({
      try: (signal) =>
        way(() =>
          gracePeriod === undefined ? ask(signal) : withGracePeriod(gracePeriod, signal, ask)
        ),
      catch: (error) =>
        new AdapterError(operation, key, error, { reason: whyFailed(error, table, names.key) }),
    });
  };

  const request = requestBy(sendAtOnce);

  const at = (key: string) => ({ TableName: table, Key: { [names.key]: { S: keyPrefix + key } } });
  /** Expressions, with the names and the values that they use. */
  const where = (
    expressions: { readonly ConditionExpression: string; readonly UpdateExpression?: string },
    values: Item,
  ) => {
    const used = <A>(sign: string, of: (name: string) => A) =>
      Object.fromEntries(
        Object.values(expressions).join(" ").match(new RegExp(`${sign}\\w+`, "g"))!
          .map((name) => [name, of(name.slice(1))]),
      );
    return {
      ...expressions,
      ExpressionAttributeNames: used("#", (name) => names[name as keyof Names]),
      ExpressionAttributeValues: used(":", (name) => values[name]!),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    };
  };
  /** The entry of a key, as an item. */
  const entryAt = (
    key: string,
    data: string | Uint8Array,
    { version, expiresAt }: { readonly version: string; readonly expiresAt: number },
  ) => ({
    TableName: table,
    Item: {
      ...at(key).Key,
      [names.value]: typeof data === "string" ? { S: data } : { B: data },
      [names.version]: { S: version },
      ...expiresAt < Infinity && {
        [names.expiresAt]: { N: whole(expiresAt) },
        [names.ttl]: { N: whole(expiresAt / 1000) },
      },
    },
  });

  const expiryOf = (item: Item) => Number(item[names.expiresAt]?.N ?? Infinity);
  const versionOf = (item: Item | undefined) => item?.[names.version]?.S;
  const valueOf = (item: Item | undefined) =>
    item === undefined || expiryOf(item) <= time.now() ? undefined : item[names.value];
  const read = (operation: AdapterOperation, key: string, value: AttributeValue) => {
    const data = toBytes(value);
    if (data !== undefined) return decode(codec, operation, key, data);
    const reason = "what is stored is neither text nor bytes";
    return Effect.fail(new AdapterError(operation, key, undefined, { reason, corrupt: true }));
  };

  /** `seen`: an item that may be taken as it is, whatever it holds. */
  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
    seen?: Item,
  ): Answer => {
    const version = seen?.[names.version];
    const unchanged = version === undefined ? NO_VERSION : UNCHANGED;
    const ask = requestBy(order.acquiring(key, owner), ttl);
    const taking = ask("acquire", key, (sdk, now) =>
      new sdk.UpdateItemCommand({
        ...at(key),
        ...where({
          ConditionExpression: seen === undefined ? FREE : unchanged,
          UpdateExpression: TAKE,
        }, {
          ...leaseFor(ttl, now),
          owner: { S: owner },
          over: { S: observer.expired(key, performance.now()) ?? "-" },
          now: { N: whole(now) },
          uncached: { S: endOf(waitedFor, "uncached") },
          ...version !== undefined && { seen: version },
        }),
        ReturnValues: "ALL_OLD",
      }));
    return Effect.flatMap(taking, ({ done, item }) => {
      if (done) {
        const after = item && expiryOf(item) > time.now() ? afterOf(item, waitedFor) : undefined;
        return Effect.succeed({ _tag: "Leader", remaining: ttl, after });
      }
      if (item !== undefined) return judge(key, owner, ttl, waitedFor, item);
      // What was seen is gone.
      if (seen !== undefined) return acquire(key, owner, ttl, waitedFor);
      const reason = "the server doesn't return the item for which a condition fails";
      return Effect.fail(new AdapterError("acquire", key, undefined, { reason }));
    });
  };
  /** What an item says that could not be taken; takes it if it says that it may be. */
  const judge = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
    item: Item,
  ): Answer => {
    const take = () => acquire(key, owner, ttl, waitedFor, item);
    const value = valueOf(item);
    if (value !== undefined) {
      return Effect.matchEffect(read("acquire", key, value), {
        onSuccess: (entry): Answer => Effect.succeed({ _tag: "Hit", entry }),
        onFailure: take,
      });
    }
    const lease = item[names.owner]?.S;
    const leaseTtl = Number(item[names.leaseTtl]?.N ?? ttl);
    const after = afterOf(item, waitedFor);
    if (lease === owner) return Effect.succeed({ _tag: "Leader", remaining: leaseTtl, after });
    const over = lease === undefined && expiryOf(item) <= time.now();
    if (!over && item[names.ended]?.S === endOf(waitedFor, "uncached")) {
      return Effect.succeed({ _tag: "Ended", outcome: "uncached" });
    }
    if (lease === undefined) return take();
    const seen = { version: versionOf(item) ?? lease, ttl: leaseTtl };
    const remaining = observer.remaining(key, seen, performance.now());
    if (remaining <= 0) return take();
    return Effect.succeed({ _tag: "Follower", remaining, lease, after });
  };
  const afterOf = (item: Item, waitedFor: string | undefined) =>
    item[names.ended]?.S === endOf(waitedFor, "failed") ? "failed" : undefined;

  return {
    name: "dynamodb",
    get: (key) =>
      Effect.flatMap(
        request("get", key, (sdk) => new sdk.GetItemCommand({ ...at(key), ConsistentRead: true })),
        ({ item }) => {
          const value = valueOf(item);
          return value === undefined ? Effect.succeed(undefined) : read("get", key, value);
        },
      ),
    set: (key, value, ttl = Infinity) =>
      Effect.flatMap(
        encode(codec, "set", key, value),
        (data) =>
          Effect.asVoid(request("set", key, (sdk, now) =>
            new sdk.PutItemCommand(
              entryAt(key, data, { version: randomToken(), expiresAt: now + ttl }),
            ))),
      ),
    delete: (key) =>
      Effect.asVoid(request("delete", key, (sdk) => new sdk.DeleteItemCommand(at(key)))),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor),
    renew: (key, owner, ttl) =>
      Effect.map(
        request("renew", key, (sdk, now) =>
          new sdk.UpdateItemCommand({
            ...at(key),
            ...where({ ConditionExpression: HELD, UpdateExpression: RENEW }, {
              ...leaseFor(ttl, now),
              owner: { S: owner },
            }),
          })),
        ({ done }) => done,
      ),
    fill: (key, owner, value, ttl = Infinity) =>
      Effect.flatMap(encode(codec, "fill", key, value), (data) => {
        const version = randomToken();
        return Effect.map(
          request("fill", key, (sdk, now) =>
            new sdk.PutItemCommand({
              ...entryAt(key, data, { version, expiresAt: now + ttl }),
              ...where({ ConditionExpression: HELD }, { owner: { S: owner } }),
            })),
          // The SDK sends again what it got no reply to: then the lease was ended by this very fill.
          ({ done, item }) => done || versionOf(item) === version,
        );
      }),
    release: (key, owner, outcome) =>
      Effect.asVoid(
        requestBy(order.releasing(key, owner), LONGEST_RELEASE)("release", key, (sdk) =>
          new sdk.UpdateItemCommand({
            ...at(key),
            ...where({
              ConditionExpression: HELD,
              UpdateExpression: outcome === "cancelled" ? END : END_SO,
            }, {
              owner: { S: owner },
              version: { S: randomToken() },
              ended: { S: endOf(owner, outcome) },
            }),
          })),
      ),
  };
}

/** For how long a lease is still released when nobody waits for that any more, in milliseconds. */
const LONGEST_RELEASE = 10_000;

/** How a lease ended and whose it was, as an attribute; nobody's where nobody waited for one. */
function endOf(owner: string | undefined, outcome: LeaseOutcome): string {
  return owner === undefined ? "-" : `${outcome} ${owner}`;
}

/** In seconds: how long DynamoDB keeps a lease beyond its time, so that no clock can have it delete one that lives. */
const DAY = 24 * 60 * 60;

function leaseFor(ttl: number, now: number): Item {
  return {
    version: { S: randomToken() },
    leaseTtl: { N: whole(ttl) },
    expiresAt: { N: whole(now + ttl) },
    ttl: { N: whole((now + ttl) / 1000 + DAY) },
  };
}

/** A number as DynamoDB has it, rounded up. */
function whole(number: number): string {
  return String(Math.min(Math.ceil(number), Number.MAX_SAFE_INTEGER));
}

const utf8 = new TextEncoder();

function toBytes(value: AttributeValue): Uint8Array | undefined {
  return value.S === undefined ? value.B : utf8.encode(value.S);
}

type Handler = (args: unknown) => Promise<{
  readonly response: { readonly headers?: Readonly<Record<string, string>> };
}>;

async function replyOf(sending: Promise<unknown>): Promise<Reply> {
  try {
    const { Item, Attributes } = await sending as { Item?: Item; Attributes?: Item };
    return { done: true, item: Item ?? Attributes };
  } catch (error) {
    // By its name: there may be two copies of the SDK.
    const { name, Item } = error as { name?: unknown; Item?: Item };
    if (name === "ConditionalCheckFailedException") return { done: false, item: Item };
    throw error;
  }
}

/** The longest partition key, in bytes. */
const LONGEST = 2048;

function whyRefused(key: string): string | undefined {
  if (!isWellFormed(key)) return "UTF-8 can't carry it";
  const { length } = key.length * 3 <= LONGEST ? key : utf8.encode(key);
  return length <= LONGEST
    ? undefined
    : `it has ${length} bytes with its prefix, and DynamoDB takes ${LONGEST}; use its hash`;
}

/** What there is to do about an error, where the SDK's own message doesn't say it. */
function whyFailed(error: unknown, table: string, key: string): string | undefined {
  const { name, message, code } = error as Partial<Error> & { readonly code?: string };
  const schema = `a partition key ${describe(key)} of type String and no sort key`;
  if (name === "ResourceNotFoundException") {
    return `there is no table ${describe(table)} where the client looks; create it with ${schema}`;
  }
  if (name !== "ValidationException") return message || code || name;
  if (/item size/i.test(message!)) {
    return "DynamoDB takes items of 400 KB; use a codec that compresses, or cache less in one entry";
  }
  if (/schema|mismatch for key|missing the key|required keys|on the keys/i.test(message!)) {
    return `the table ${describe(table)} must have ${schema}: ${message}`;
  }
  return message;
}

function checkOptions({ client, table, keyPrefix }: DynamodbAdapterOptions): void {
  if (typeof client?.send !== "function") {
    throw new TypeError(`\`client\` must be a DynamoDBClient, and is ${describe(client)}`);
  }
  if (typeof table !== "string" || table === "") {
    throw new TypeError(`\`table\` must be a table's name, and is ${describe(table)}`);
  }
  prefixOf("keyPrefix", keyPrefix);
}

type Names = { readonly [Name in keyof DynamodbAttributes]-?: string };

function namesOf(attributes: DynamodbAttributes = {}): Names {
  if (typeof attributes !== "object" || attributes === null) {
    throw new TypeError(`\`attributes\` must be names, and is ${describe(attributes)}`);
  }
  const nameOf = (attribute: keyof Names) => {
    const name: unknown = attributes[attribute] ?? attribute;
    if (typeof name === "string" && name !== "" && isWellFormed(name)) return name;
    throw new TypeError(`\`attributes.${attribute}\` must be a name, and is ${describe(name)}`);
  };
  const names: Names = {
    key: nameOf("key"),
    value: nameOf("value"),
    expiresAt: nameOf("expiresAt"),
    ttl: nameOf("ttl"),
    owner: nameOf("owner"),
    version: nameOf("version"),
    leaseTtl: nameOf("leaseTtl"),
    ended: nameOf("ended"),
  };
  const all = Object.values(names);
  const twice = all.find((name, index) => all.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new TypeError(`\`attributes\` must differ, and two are ${describe(twice)}`);
}
