/**
 * The MongoDB adapter: entries and leases in one collection, through the official driver, with push by a change stream
 * where the deployment is a replica set or a sharded cluster.
 *
 * A key is one document, whose `_id` is the key after `keyPrefix`: the entry or, while there is none, the lease. Every
 * operation is one command by that `_id`. Time is the server's, in a sharded cluster the router's; a document past its
 * `expires` counts as absent, and a TTL index, which the adapter creates, has the server remove it within a minute or two.
 *
 * Followers are woken over one change stream for all keys, which the first of them opens and which is closed a second
 * after the last has gone; it takes one connection of the client's pool. A server on its own has no change streams: there
 * they poll.
 *
 * The collection's own read preference, read concern and write concern hold: a read from a secondary may find an entry for
 * a moment after it was deleted. Leases and fills go to the primary. With write concern `majority`, the default of most
 * deployments, they outlive a failover; with a lower one it may lose the latest, and two may lead then. Only the one whose
 * lease is known after it can fill.
 *
 * Version 6 of the driver leaves the stream's cursor to the server, which ends it after ten minutes, if the client is closed
 * while somebody waits.
 *
 * The driver waits up to 30 seconds for a server that can't be reached, and then still sends what has long been given up;
 * a `serverSelectionTimeoutMS` of about `operationTimeout` prevents that. It needs MongoDB 4.4 or later, and a collection
 * without a collation of its own.
 *
 * @example
 * ```ts mongodb
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import { MongoClient } from "mongodb";
 * import { Cache } from "cache-locking";
 * import { mongodbAdapter } from "cache-locking/mongodb";
 *
 * const client = new MongoClient(process.env.MONGODB_URL!);
 * const collection = client.db("example").collection("cache");
 * const users = Cache.make({ adapter: mongodbAdapter({ collection }), cacheTtl: "1 minute" });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * assert.equal((await collection.findOne({ _id: "user:42" as never }))?.value, '{"name":"Ada"}');
 *
 * await Effect.runPromise(users.delete("user:42"));
 * await client.close();
 * ```
 *
 * @module
 */
import { attempt } from "../src/store/attempt.ts";
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Effect } from "../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { prefixOf, wellFormed } from "./kit/keys.ts";
import { makeRequestOrder } from "./kit/request_order.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { loadOnce } from "../src/store/load_once.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import type { Acquired, Entry, Store } from "../src/store/store.ts";
import { makeWatchers } from "./kit/watchers.ts";

/**
 * What the adapter uses of a collection, as version 6 or 7 of the [driver](https://mongodb.github.io/node-mongodb-native/)
 * makes it. It is declared here, so that neither types nor copies of the driver have to match.
 */
export interface MongodbCollection {
  /** The write concern, if it has one of its own. */
  readonly writeConcern?: { readonly w?: unknown } | undefined;
  /** [find](https://www.mongodb.com/docs/manual/reference/command/find/) */
  findOne(filter: object, options: object): Promise<object | null>;
  /** [findAndModify](https://www.mongodb.com/docs/manual/reference/command/findAndModify/) */
  findOneAndUpdate(
    filter: object,
    update: object[],
    options: { readonly includeResultMetadata: false },
  ): Promise<object | null>;
  /** [update](https://www.mongodb.com/docs/manual/reference/command/update/) */
  updateOne(
    filter: object,
    update: object[],
    options: object,
  ): Promise<{ readonly matchedCount: number }>;
  /** [delete](https://www.mongodb.com/docs/manual/reference/command/delete/) */
  deleteOne(filter: object): Promise<unknown>;
  /** [createIndexes](https://www.mongodb.com/docs/manual/reference/command/createIndexes/) */
  createIndex(fields: { readonly expires: 1 }, options: object): Promise<unknown>;
  /** Opens a [change stream](https://www.mongodb.com/docs/manual/changeStreams/). */
  watch(pipeline: object[], options: object): MongodbChangeStream;
}

/** What the adapter uses of a change stream. */
export interface MongodbChangeStream {
  /** Listens to what tells that it is open. */
  on(event: "resumeTokenChanged", listener: () => void): unknown;
  /** Waits for the next change, and resumes where the connection was lost. */
  next(): Promise<object>;
  /** Closes it. */
  close(): Promise<unknown>;
}

/** The options of {@linkcode mongodbLeases}. */
export interface MongodbLeasesOptions {
  /**
   * The collection, whose client stays the user's own to close. Keep it in a constant: each one that `db.collection()`
   * makes is a store of its own, whose callers don't meet.
   */
  readonly collection: MongodbCollection;
  /**
   * Whether the adapter sees to the TTL index before it first writes: true by default. Without one nothing removes the
   * documents of keys that are no longer asked for.
   */
  readonly createIndex?: boolean | undefined;
  /** What each `_id` begins with: `'lease:'` by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode mongodbAdapter}. */
export interface MongodbAdapterOptions extends MongodbLeasesOptions {
  /** How values become text or bytes, which are kept as such; JSON by default. */
  readonly codec?: Codec | undefined;
  /** What each `_id` begins with: nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/**
 * Makes the store of a collection; the same one for the same collection and options. Throws a `TypeError` for options
 * that can't be used.
 */
export function mongodbAdapter<V = unknown>(options: MongodbAdapterOptions): Store<V> {
  return sharedStore("mongodb", options, () => makeStore(options)) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Throws a `TypeError` for options that can't be
 * used.
 */
export function mongodbLeases(options: MongodbLeasesOptions): LeasesHalf {
  return leasesHalf(mongodbAdapter({ keyPrefix: "lease:", ...options }));
}

/**
 * A document as it is read: an entry has a value; a lease has its owner, and the owner of the last one that ended failed or
 * uncached, with how.
 */
interface Found {
  readonly value?: unknown;
  readonly owner?: string;
  readonly last?: string;
  readonly how?: "failed" | "uncached";
  /** How much longer the lease lives, in milliseconds. */
  readonly remaining?: number;
}

/** Whatever the client was told, the adapter reads numbers and bytes as such. */
const plain = {
  promoteBuffers: true,
  promoteLongs: true,
  promoteValues: true,
  raw: false,
  useBigInt64: false,
} as const;

/** The last date that JavaScript has. */
const FOREVER = 8.64e15;

/** Whether a document's time isn't over, as an expression. */
const alive = { $gt: [{ $ifNull: ["$expires", new Date(FOREVER)] }, "$$NOW"] };

/** A value in an expression, whatever it looks like. */
const literal = (value: unknown) => ({ $literal: value });

/** When a document ends that has so many milliseconds to live; MongoDB keeps whole ones. */
function endOf(ttl: number | undefined): { readonly expires?: object } {
  if (ttl === undefined) return {};
  return { expires: { $add: ["$$NOW", Math.min(Math.ceil(ttl), FOREVER / 2)] } };
}

function makeStore(options: MongodbAdapterOptions): Store<unknown> {
  const { collection, keyPrefix = "" } = options;
  const codec = codecOf(options.codec);
  checkOptions(options);
  const prepare = preparation(options);
  const idOf = (key: string) => keyPrefix + key;

  const run = <A, B = A>(
    operation: AdapterOperation,
    key: string,
    ask: () => Promise<A>,
    read: (answer: A) => Effect.Effect<B, AdapterError> = Effect.succeed as never,
  ) => wellFormed(operation, key, () => Effect.flatMap(attempt(operation, key, ask), read));
  /** Changes the document of a lease that the owner holds; false if it doesn't. */
  const change = (operation: "renew" | "fill", key: string, owner: string, stage: object) =>
    run(operation, key, async () => {
      const held = { _id: idOf(key), owner, $expr: alive };
      const { matchedCount } = await collection.updateOne(held, [stage], plain);
      return matchedCount === 1;
    });

  // The connections of a pool keep none.
  const order = makeRequestOrder();
  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
    ...unreadable: unknown[]
  ): Effect.Effect<Acquired<unknown>, AdapterError> => {
    const update = [acquireStage(owner, ttl, waitedFor, unreadable)];
    const upsert = () => collection.findOneAndUpdate({ _id: idOf(key) }, update, asLease);
    const asked = run(
      "acquire",
      key,
      () =>
        order.acquiring(key, owner)(() => prepare().then(() => upserting(upsert))) as Promise<
          Found
        >,
    );
    return Effect.flatMap(asked, (found): Effect.Effect<Acquired<unknown>, AdapterError> => {
      const { value, last, how, remaining = 0 } = found;
      if (value !== undefined) {
        return Effect.matchEffect(entryOf(codec, "acquire", key, value), {
          onSuccess: (entry) => Effect.succeed({ _tag: "Hit", entry }),
          onFailure: () => acquire(key, owner, ttl, waitedFor, value),
        });
      }
      const ended = last !== undefined && last === waitedFor ? how : undefined;
      const after = ended === "failed" ? ended : undefined;
      if (found.owner === owner) return Effect.succeed({ _tag: "Leader", remaining, after });
      if (ended === "uncached") return Effect.succeed({ _tag: "Ended", outcome: ended });
      return Effect.succeed({ _tag: "Follower", remaining, lease: found.owner!, after });
    });
  };

  return {
    name: "mongodb",
    get: (key) =>
      run(
        "get",
        key,
        () => collection.findOne({ _id: idOf(key) }, asEntry),
        (found: Found | null) =>
          found?.value === undefined
            ? Effect.succeed(undefined)
            : entryOf(codec, "get", key, found.value),
      ),
    set: (key, value, ttl) =>
      Effect.flatMap(
        stored(codec, "set", idOf(key), key, value),
        (data) =>
          Effect.asVoid(run("set", key, async () => {
            await prepare();
            const update = [entryStage(data, ttl)];
            const options = { ...plain, upsert: true };
            await upserting(() => collection.updateOne({ _id: idOf(key) }, update, options));
          })),
      ),
    delete: (key) =>
      Effect.asVoid(run("delete", key, () => collection.deleteOne({ _id: idOf(key) }))),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor),
    renew: (key, owner, ttl) => change("renew", key, owner, { $set: endOf(ttl) }),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        stored(codec, "fill", idOf(key), key, value),
        (data) => change("fill", key, owner, entryStage(data, ttl)),
      ),
    release: (key, owner, outcome) =>
      Effect.asVoid(run("release", key, () => {
        const told = { $set: { last: literal(owner), how: outcome } };
        const update = [{ $unset: "owner" }, ...outcome === "cancelled" ? [] : [told]];
        const held = { _id: idOf(key), owner };
        return order.releasing(key, owner)(() => collection.updateOne(held, update, plain));
      })),
    watch: watchBy(
      collection,
      (id) => id.startsWith(keyPrefix) ? id.slice(keyPrefix.length) : undefined,
    ),
  };
}

function ignore(): void {}

function checkOptions({ collection, createIndex, keyPrefix }: MongodbAdapterOptions): void {
  if (typeof collection?.findOneAndUpdate !== "function") {
    throw new TypeError(
      `\`collection\` must be a collection of the MongoDB driver, and is ${describe(collection)}`,
    );
  }
  if (collection.writeConcern?.w === 0) {
    throw new TypeError("`collection` must have a write concern that tells what became of a write");
  }
  if (createIndex !== undefined && typeof createIndex !== "boolean") {
    throw new TypeError(`\`createIndex\` must be true or false, and is ${describe(createIndex)}`);
  }
  prefixOf("keyPrefix", keyPrefix);
}

/** Sees to the TTL index, once; again if it failed. */
function preparation(
  { collection, createIndex = true }: MongodbAdapterOptions,
): () => Promise<unknown> {
  if (!createIndex) return () => Promise.resolve();
  return loadOnce(async () => {
    try {
      await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0 });
    } catch (cause) {
      // The server's own refusals have a number.
      if (typeof (cause as ServerError).code !== "number") throw cause;
      throw new Error(
        `the TTL index can't be created: ${(cause as Error).message}. Create it yourself, by ` +
          "createIndex({ expires: 1 }, { expireAfterSeconds: 0 }), and pass `createIndex: false`",
        { cause },
      );
    }
  });
}

/** How the driver tells of what the server has refused. */
interface ServerError extends Error {
  readonly code?: unknown;
}

/** How often an upsert is tried that finds others at the same. */
const TRIES = 5;

/** Two upserts may both find nothing: the one that comes late is refused, and has to look again. */
async function upserting<A>(upsert: () => Promise<A>, tries = TRIES): Promise<A> {
  try {
    return await upsert();
  } catch (error) {
    if ((error as ServerError).code !== 11000 || tries === 1) throw error;
    return upserting(upsert, tries - 1);
  }
}

/** The value of an entry whose time isn't over. */
const asEntry = {
  ...plain,
  projection: { _id: 0, value: { $cond: [alive, "$value", "$$REMOVE"] } },
} as const;

/** What an acquire has left there. */
const asLease = {
  ...plain,
  upsert: true,
  returnDocument: "after",
  includeResultMetadata: false,
  projection: {
    _id: 0,
    value: 1,
    owner: 1,
    last: 1,
    how: 1,
    remaining: { $subtract: ["$expires", "$$NOW"] },
  },
} as const;

/** Takes the lease where there is neither an entry nor a lease nor the end of the one that was waited for. */
function acquireStage(
  owner: string,
  ttl: number,
  waitedFor: string | undefined,
  unreadable: readonly unknown[],
): object {
  const entry = {
    $and: [
      { $in: [{ $type: "$value" }, ["string", "binData"]] },
      ...unreadable.map((value) => ({ $ne: ["$value", literal(value)] })),
    ],
  };
  const lease = { $ne: [{ $type: "$owner" }, "missing"] };
  const ended = {
    $and: [{ $eq: ["$last", literal(waitedFor ?? null)] }, { $eq: ["$how", "uncached"] }],
  };
  const remembered = { $cond: [alive, { last: "$last", how: "$how" }, {}] };
  const taken = { _id: "$_id", owner: literal(owner), ...endOf(ttl) };
  return {
    $replaceWith: {
      $cond: [
        { $and: [alive, { $or: [entry, lease, ended] }] },
        "$$ROOT",
        { $mergeObjects: [taken, remembered] },
      ],
    },
  };
}

/** Puts an entry in place of whatever is there. */
function entryStage(data: string | Uint8Array, ttl: number | undefined): object {
  return { $replaceWith: { _id: "$_id", value: literal(data), ...endOf(ttl) } };
}

/** The entry of what is stored as its value. */
function entryOf(
  codec: Codec,
  operation: AdapterOperation,
  key: string,
  value: unknown,
): Effect.Effect<Entry<unknown>, AdapterError> {
  if (typeof value === "string") return decode(codec, operation, key, utf8.encode(value));
  if (value instanceof Uint8Array) return decode(codec, operation, key, value);
  const reason = "the stored value is neither text nor bytes";
  return Effect.fail(new AdapterError(operation, key, undefined, { reason, corrupt: true }));
}

const utf8 = new TextEncoder();

/** The most bytes that a document may have, and those that one of an entry has besides its `_id` and its value. */
const LARGEST = 16 * 1024 * 1024;
const FRAME = 44;

/** What is stored for a value; fails where it is more than a document can hold. */
function stored(
  codec: Codec,
  operation: "set" | "fill",
  id: string,
  key: string,
  value: unknown,
): Effect.Effect<string | Uint8Array, AdapterError> {
  return Effect.flatMap(encode(codec, operation, key, value), (data) => {
    // UTF-8 has three bytes at most for what has a length of one.
    if (FRAME + 3 * (id.length + data.length) <= LARGEST) return Effect.succeed(data);
    const bytes = FRAME + bytesOf(id) + bytesOf(data);
    if (bytes <= LARGEST) return Effect.succeed(data);
    const reason = `a document holds ${LARGEST} bytes, and this one would have ${bytes}`;
    return Effect.fail(new AdapterError(operation, key, undefined, { reason }));
  });
}

function bytesOf(data: string | Uint8Array): number {
  return (typeof data === "string" ? utf8.encode(data) : data).length;
}

/** How long the change stream outlives the last watch, in milliseconds. */
const LINGER = 1000;

/** What a server on its own answers to who opens a change stream. */
const ONLY_ON_REPLICA_SETS = 40573;

/** Passes on what ends a lease, and not what begins it or lets it live longer. */
const ends = [
  {
    $match: {
      $or: [
        { operationType: { $ne: "update" }, "fullDocument.owner": { $exists: false } },
        { "updateDescription.removedFields": "owner" },
      ],
    },
  },
  { $project: { documentKey: 1 } },
];

interface Change {
  /** Whose document was changed; undefined where the collection itself was dropped or renamed. */
  readonly documentKey?: { readonly _id: unknown };
}

/** An open change stream. */
interface Line {
  /** Resolves once nothing is missed any more; with false where there are no change streams. */
  readonly stands: Promise<boolean>;
  readonly close: () => void;
}

/** Watches by one change stream for all. */
function watchBy(
  collection: MongodbCollection,
  keyOf: (id: string) => string | undefined,
): NonNullable<Store<unknown>["watch"]> {
  const watchers = makeWatchers();
  let pushes = true;
  let line: Line | undefined;
  let sweep: ReturnType<typeof setTimeout> | undefined;

  const hangUp = () => {
    line?.close();
    line = undefined;
  };
  const open = (): Line => {
    const stream = collection.watch(ends, plain);
    const close = () => void stream.close().catch(ignore);
    const follow = async () => {
      for (;;) {
        // The driver resumes where the connection was lost. It would end in silence where it can't, had it listeners.
        const { documentKey } = await stream.next() as Change;
        if (documentKey === undefined) throw new Error("the collection was dropped or renamed");
        const key = typeof documentKey._id === "string" ? keyOf(documentKey._id) : undefined;
        if (key !== undefined) watchers.notify(key);
      }
    };
    const stands = new Promise<boolean>((resolve, reject) => {
      stream.on("resumeTokenChanged", () => resolve(true));
      follow().catch((error: ServerError) => {
        pushes &&= error.code !== ONLY_ON_REPLICA_SETS;
        if (pushes) reject(error);
        else resolve(false);
        if (line !== opened) return;
        hangUp();
        watchers.failAll(error);
      });
    });
    const opened = { stands, close };
    return opened;
  };

  const join = async () => {
    clearTimeout(sweep);
    return pushes && await (line ??= open()).stands;
  };
  const leave = () => {
    if (line === undefined || watchers.size() > 0) return;
    clearTimeout(sweep);
    sweep = setTimeout(hangUp, LINGER);
  };
  return (key) =>
    Effect.flatMap(
      Effect.acquireRelease(Effect.void, () => Effect.sync(leave)),
      () =>
        Effect.flatMap(watchers.watch(key), (watch) =>
          Effect.map(
            attempt("watch", key, join),
            (stands) => stands ? watch : undefined,
          )),
    );
}
