/**
 * The Memcached adapter: entries and leases in memcached, through a memjs client of one server or many.
 *
 * A key is one item; its name is `keyPrefix` and the key. A plain entry is the value alone. Anything else is a marker, which
 * its flags tell apart: a lease, an entry with a stale time, or a lease and the entry that is beside it. So each write of a
 * lease beside an entry, and each renewal, writes the entry again. An acquire is an `ADD` of the marker. A fill is a
 * `REPLACE` of this very marker, by CAS, so fills are fenced. The name of a key over 250 bytes, or with spaces, control
 * characters or Unicode, ends with its SHA-256.
 *
 * The server's clock decides when they expire, in whole seconds: entries and leases live up to two seconds longer than
 * their time to live, and never shorter. A lease lives 30 days at most. The end of an entry that lives longer is a date
 * by this machine's clock. memcached doesn't tell the rest of a lease: followers get its full length. There is no push:
 * they poll.
 *
 * An entry with a stale time says when it was written, by the server's clock: a client asks each server for its time
 * (`stats`) when it first needs it, and once a minute after that. That time has whole seconds; a machine whose clock agrees
 * with it tells ages to the millisecond, and another one to two seconds. Beside a stale entry, a lease is over for who has
 * seen it unchanged for its length, or three seconds after it by the server's clock. memcached doesn't tell how long a plain
 * entry has left: while that is refreshed, and if the refresh fails, it stays fresh until the length of the lease is over,
 * and then it is gone.
 *
 * memjs speaks the binary protocol, without TLS: proxies of the text protocol alone, such as twemproxy, and ports with TLS
 * close its connections. What was under way on a connection that is closed is sent again, once.
 *
 * memcached evicts entries and leases when its memory is full, and loses all of them when it restarts. Then two callers
 * may lead, but only the one whose lease the server knows can fill. A client with `failover` sends the keys of a dead
 * server to another one, with the same effect. memjs picks a key's server by its place in the list: every process must
 * name the same servers in the same order.
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
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import type { Store } from "../src/store/store.ts";
import { leasesAlone } from "./kit/data.ts";
import { makeNames } from "./kit/names.ts";
import { makeStore } from "./kit/store.ts";
import { itemName, memcachedBackend } from "./memcached/backend.ts";
import { memjsCommands } from "./memcached/memjs.ts";
import type { MemcachedAdapterOptions, MemcachedLeasesOptions } from "./memcached/options.ts";

export type {
  MemcachedAdapterOptions,
  MemcachedClient,
  MemcachedLeasesOptions,
  MemcachedResponse,
} from "./memcached/options.ts";

/**
 * Makes a store. A client may have several. Keep the store in a constant: only callers of the same {@linkcode Store}
 * share a flight. Throws a `TypeError` for bad options.
 */
export function memcachedAdapter<V = unknown>(options: MemcachedAdapterOptions): Store<V> {
  checkNames(options, "client", "keyPrefix", "codec");
  const { client, keyPrefix, codec } = options;
  const commands = memjsCommands(client);
  const nameOf = makeNames({ prefix: keyPrefix });
  return makeStore({
    name: "memcached",
    backend: memcachedBackend(commands),
    nameOf: (key) => itemName(nameOf(key)),
    codec,
    agedByTook: true,
  }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half
 * share a flight. Throws a `TypeError` for bad options.
 */
export function memcachedLeases(options: MemcachedLeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(memcachedAdapter({ ...options, keyPrefix, codec: leasesAlone }));
}
