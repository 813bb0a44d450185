/**
 * The Memcached adapter: entries and leases in memcached, through a memjs client of one server or many.
 *
 * An item lies under its key, after `keyPrefix`, and is the entry or, while there is none, the lease: a marker, told apart
 * by its flags. To acquire is to `ADD` the marker, and to fill is to `REPLACE` it by the value if it is still the same one
 * by its CAS, so that fills are fenced. Keys over 250 bytes, and those with spaces, control characters or Unicode, are kept
 * under a name that ends in their SHA-256.
 *
 * Time is the server's, which counts whole seconds: entries and leases live up to two seconds longer than they were told,
 * and never shorter. A lease lives 30 days at most; the end of an entry that lives longer is a date by the clock of this
 * machine. memcached doesn't tell how much of a lease is left: followers are told all of it. There is no push: they poll.
 *
 * memcached forgets what it has no room for, and everything when it is restarted: two may lead then, but only the one whose
 * lease is known can fill. A client with `failover` sends the keys of a server that is down to another, with the same
 * effect.
 *
 * @example
 * ```ts memcached
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import { Client } from "memjs";
 * import { Cache } from "cache-locking";
 * import { memcachedAdapter } from "cache-locking/memcached";
 *
 * const client = Client.create(process.env.MEMCACHED_URL!);
 * const users = Cache.make({
 *   adapter: memcachedAdapter({ client, keyPrefix: "example:" }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * assert.equal(String((await client.get("example:user:42")).value), '{"name":"Ada"}');
 *
 * await Effect.runPromise(users.delete("user:42"));
 * client.close();
 * ```
 *
 * @module
 */
import type { LeasesHalf } from "../src/store/halves.ts";
import type { Codec } from "../src/store/codec.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { makeNames } from "./kit/names.ts";
import { makeStore } from "./kit/store.ts";
import { memcachedBackend } from "./memcached/backend.ts";
import { type MemcachedClient, memjsRequests } from "./memcached/memjs.ts";
import { itemName } from "./memcached/names.ts";

export type { MemcachedClient, MemcachedResponse } from "./memcached/memjs.ts";

/** The options of {@linkcode memcachedLeases}. */
export interface MemcachedLeasesOptions {
  /** The client, which stays the user's own to close. */
  readonly client: MemcachedClient;
  /** What the names of leases begin with: `'lease:'` by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode memcachedAdapter}. */
export interface MemcachedAdapterOptions {
  /** The client, which stays the user's own to close. */
  readonly client: MemcachedClient;
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
  /** What the names of items begin with: nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/**
 * Makes a store of its own, over a client that may have several. Keep it in a constant, as a {@linkcode Store} is what
 * callers meet by. Throws a `TypeError` for options that can't be used.
 */
export function memcachedAdapter<V = unknown>(options: MemcachedAdapterOptions): Store<V> {
  const { client, keyPrefix, codec } = options;
  const requests = memjsRequests(client);
  const nameOf = makeNames({ prefix: keyPrefix });
  return makeStore({
    name: "memcached",
    backend: memcachedBackend(requests),
    nameOf: (key) => itemName(nameOf(key)),
    codec,
  }) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Keep it in a constant, as callers meet by it. Throws
 * a `TypeError` for options that can't be used.
 */
export function memcachedLeases(
  { client, keyPrefix = "lease:" }: MemcachedLeasesOptions,
): LeasesHalf {
  return leasesHalf(memcachedAdapter({ client, keyPrefix }));
}
