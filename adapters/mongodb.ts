/**
 * The MongoDB adapter: entries and leases in one collection, through the official driver, with push by a change stream
 * in a replica set or a sharded cluster.
 *
 * A key is one document, whose `_id` is `keyPrefix` and the key. It holds the entry, the lease, or both. A document is 16 MB
 * at most. A value with a stale time may have 1 kB less than another, for the lease that may stand beside it.
 * Every operation is one command by that `_id`. The server's clock decides when it expires; in a sharded cluster the
 * router's. A document after its `expires` counts as absent. A TTL index, which the adapter creates, has the server
 * remove it within a minute or two.
 *
 * One change stream for all keys wakes followers. The first follower opens it; it is closed a second after the last has
 * left. It takes one connection of the client's pool. A server without a replica set has no change streams: followers
 * poll. So they do where the user may open none.
 *
 * In a replica set, where the collection reads from the primary, the same stream tells an L1 of changes, whoever makes them.
 * The user needs the actions `changeStream` and `collStats`.
 *
 * The collection's own read preference, read concern and write concern hold. A read from a secondary may find an entry
 * for a moment after its `delete`. Leases and fills go to the primary. With write concern `majority`, the default of
 * most deployments, they survive a failover. With a lower one, a failover may lose the latest, and two callers may
 * lead. Only the one whose lease the server knows can fill.
 *
 * If the client is closed during a wait, version 6 of the driver leaves the stream's cursor to the server, which ends
 * it after ten minutes.
 *
 * The driver waits up to 30 seconds for a server that it can't reach, and then still sends commands whose calls have
 * ended. Set `serverSelectionTimeoutMS` to about `operationTimeout`. A client whose first command couldn't connect fails
 * each later one: call `client.connect()` until it succeeds, in a process that may start while the server is away. The
 * adapter needs MongoDB 4.4 or later, and a collection without its own collation.
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
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { leasesAlone } from "./kit/data.ts";
import { makeNames } from "./kit/names.ts";
import { checkOption } from "./kit/options.ts";
import { makeStore } from "./kit/store.ts";
import { mongodbBackend } from "./mongodb/backend.ts";
import { mongodbChanges } from "./mongodb/changes.ts";
import { checkCollection } from "./mongodb/driver.ts";
import { topicOf } from "./mongodb/stream.ts";
import type { MongodbAdapterOptions, MongodbLeasesOptions } from "./mongodb/options.ts";

export type {
  MongodbAdapterOptions,
  MongodbChangeStream,
  MongodbCollection,
  MongodbLeasesOptions,
} from "./mongodb/options.ts";

/**
 * Makes a store. A collection may have several. Keep the store in a constant: only callers of the same
 * {@linkcode Store} share a flight. Throws a `TypeError` for bad options.
 */
export function mongodbAdapter<V = unknown>(options: MongodbAdapterOptions): Store<V> {
  checkNames(options, "collection", "createIndex", "keyPrefix", "codec");
  const { collection, createIndex = true, keyPrefix, codec } = options;
  checkCollection(collection);
  checkOption("createIndex", typeof createIndex === "boolean", "true or false", createIndex);
  return makeStore({
    name: "mongodb",
    backend: mongodbBackend(collection, { indexed: createIndex }),
    nameOf: makeNames({ prefix: keyPrefix }),
    codec,
    unordered: true,
    ...mongodbChanges(collection, keyPrefix),
    topicOf,
  }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half share
 * a flight. Throws a `TypeError` for bad options.
 */
export function mongodbLeases(options: MongodbLeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(mongodbAdapter({ ...options, keyPrefix, codec: leasesAlone }));
}
