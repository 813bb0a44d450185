/**
 * The memory adapter: entries and leases in this process, with push.
 *
 * `adapter: 'memory'` is one store for the whole process. `{ type: 'memory', options }` is one store for each config object.
 * {@linkcode memoryAdapter} makes a store. It keeps references: if one caller changes a value, all callers see the
 * change.
 * `maxEntries` limits the entries. SIEVE (Zhang et al., NSDI'24) evicts them: a hit sets one bit and moves nothing. Time is
 * Effect's `Clock`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { memoryAdapter } from "cache-locking/memory";
 *
 * let fetches = 0;
 * const users = Cache.make({ adapter: memoryAdapter({ maxEntries: 1000 }), cacheTtl: "1 minute" });
 * const user = users.getOrSet("user:42", () => Effect.sync(() => ({ name: "Ada", fetch: ++fetches })));
 *
 * const results = await Effect.runPromise(
 *   Effect.all([user, user, user], { concurrency: "unbounded" }),
 * );
 *
 * assert.deepEqual(results.map(({ value }) => value.fetch), [1, 1, 1]);
 * ```
 *
 * @module
 */
import { describe } from "../src/model/describe.ts";
import { checkNames } from "../src/model/option_names.ts";
import { step } from "../src/store/attempt.ts";
import {
  type AcquireOptions,
  type Failure,
  isFresh,
  type LeaseOutcome,
  type Lifetime,
  type Store,
} from "../src/store/store.ts";
import { makeWatchers } from "./kit/watchers.ts";
import { makeEntries } from "../src/store/entries.ts";
import { makeLeases } from "./memory/leases.ts";
import type { MemoryAdapterOptions } from "./memory/options.ts";

export type { MemoryAdapterOptions } from "./memory/options.ts";

/**
 * Makes a store in this process. Throws a `TypeError` for a `maxEntries` that is no positive integer, and for a `maxBytes`
 * that is no positive number or has no `sizeOf`.
 */
export function memoryAdapter<V = unknown>(options: MemoryAdapterOptions = {}): Store<V> {
  checkNames(options, "maxEntries", "maxBytes", "sizeOf");
  const { maxEntries = 10_000, maxBytes, sizeOf } = options;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new TypeError(
      `\`maxEntries\` must be a positive integer, and is ${describe(maxEntries)}`,
    );
  }

  if (maxBytes !== undefined && !(maxBytes > 0)) {
    throw new TypeError(`\`maxBytes\` must be a positive number, and is ${describe(maxBytes)}`);
  }
  if ((maxBytes !== undefined || sizeOf !== undefined) && typeof sizeOf !== "function") {
    throw new TypeError(`\`sizeOf\` must be a function, and is ${describe(sizeOf)}`);
  }

  const weight = maxBytes === undefined ? undefined : { maxBytes, sizeOf: sizeOf! };
  const entries = makeEntries<V>(maxEntries, weight);
  const leases = makeLeases();
  const watchers = makeWatchers();

  // Entries expire by the wall clock, which is read on every hit; leases by the monotonic one, which never jumps.
  return {
    name: "memory",
    peek: entries.peek,
    get: step(({ wall }, key) => entries.get(key, wall)),
    set: step(({ wall }, key: string, value: V, lifetime: Lifetime = {}) => {
      entries.set(key, value, lifetime, wall);
      leases.revoke(key);
      watchers.notify(key);
    }),
    expire: step(({ wall }, key) => {
      entries.expire(key, wall);
      leases.revoke(key);
      watchers.notify(key);
    }),
    delete: step((_now, key) => {
      entries.delete(key);
      leases.revoke(key);
      watchers.notify(key);
    }),
    acquire: step(
      ({ wall, monotonic: now }, key, owner: string, ttl: number, options: AcquireOptions = {}) => {
        const entry = entries.get(key, wall);
        return entry !== undefined && isFresh(entry, options.freshBelow)
          ? { _tag: "Hit", entry } as const
          : leases.acquire(key, { ...options, owner, ttl, now, entry });
      },
    ),
    renew: step(({ monotonic }, key, owner: string, ttl: number) =>
      leases.renew(key, owner, ttl, monotonic)
    ),
    fill: step(({ wall, monotonic }, key, owner: string, value: V, lifetime: Lifetime = {}) => {
      if (!leases.end(key, owner, monotonic)) return false;
      entries.set(key, value, lifetime, wall);
      watchers.notify(key);
      return true;
    }),
    release: step(
      ({ monotonic: now }, key, owner: string, outcome: LeaseOutcome, failure?: Failure) => {
        if (leases.release(key, { owner, outcome, failure, now })) watchers.notify(key);
      },
    ),
    watch: watchers.watch,
  };
}
