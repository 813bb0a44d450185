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
import type { Codec } from "../src/store/codec.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { makeNames } from "./kit/names.ts";
import { checkOption } from "./kit/options.ts";
import { sharedPush } from "./kit/push.ts";
import { makeStore } from "./kit/store.ts";
import { mongodbBackend } from "./mongodb/backend.ts";
import { checkCollection, type MongodbCollection } from "./mongodb/driver.ts";
import { changesOf } from "./mongodb/push.ts";

export type { MongodbChangeStream, MongodbCollection } from "./mongodb/driver.ts";

/** The options of {@linkcode mongodbLeases}. */
export interface MongodbLeasesOptions {
  /**
   * The collection, whose client stays the user's own to close. Keep it in a constant: configs with another that
   * `db.collection()` makes are another store, whose callers don't meet.
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
 * Makes a store of its own, over a collection that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function mongodbAdapter<V = unknown>(options: MongodbAdapterOptions): Store<V> {
  const { collection, createIndex = true, keyPrefix, codec } = options;
  checkCollection(collection);
  checkOption("createIndex", typeof createIndex === "boolean", "true or false", createIndex);
  return makeStore({
    name: "mongodb",
    backend: mongodbBackend(collection, { indexed: createIndex }),
    nameOf: makeNames({ prefix: keyPrefix }),
    codec,
    unordered: true,
    push: sharedPush(collection, "changes", () => changesOf(collection)),
  }) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Keep it in a constant, as callers meet by it. Throws a
 * `TypeError` for options that can't be used.
 */
export function mongodbLeases(options: MongodbLeasesOptions): LeasesHalf {
  return leasesHalf(mongodbAdapter({ keyPrefix: "lease:", ...options }));
}
