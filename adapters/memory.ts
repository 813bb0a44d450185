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
import { step } from "../src/store/attempt.ts";
import type { Acquired, LeaseOutcome, Store } from "../src/store/store.ts";
import { makeWatchers } from "./kit/watchers.ts";
import { makeEntries } from "./memory/entries.ts";

/** The options of {@linkcode memoryAdapter}. */
export interface MemoryAdapterOptions {
  /** The largest number of entries; 10,000 by default. */
  readonly maxEntries?: number | undefined;
}

interface MemoryLease {
  readonly owner: string;
  /** By the monotonic clock, in milliseconds; for one that has ended, for how long that is remembered. */
  until: number;
  /** Whether anybody waits for it, so that its end has to be remembered. */
  followed: boolean;
  ended?: LeaseOutcome;
  /** The lease before it, as far as it is remembered. */
  readonly before?: MemoryLease | undefined;
}

/** Makes a store in this process. Throws a `TypeError` for a `maxEntries` that is no positive integer. */
export function memoryAdapter<V = unknown>(options: MemoryAdapterOptions = {}): Store<V> {
  const { maxEntries = 10_000 } = options;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new TypeError(
      `\`maxEntries\` must be a positive integer, and is ${describe(maxEntries)}`,
    );
  }

  const entries = makeEntries<V>(maxEntries);
  const leases = new Map<string, MemoryLease>();
  const watchers = makeWatchers();

  // Each acquire looks at the next two leases; an iterator that is kept doesn't step over what was deleted before it.
  let sweep = leases.entries();
  const forgetSome = (now: number) => {
    for (let looks = 0; looks < 2; looks++) {
      const { done, value } = sweep.next();
      if (done) sweep = leases.entries();
      else if (value[1].until <= now) leases.delete(value[0]);
    }
  };
  const held = (key: string, owner: string, now: number) => {
    const lease = leases.get(key);
    return lease?.owner === owner && lease.ended === undefined && lease.until > now
      ? lease
      : undefined;
  };

  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
    wall: number,
    now: number,
  ): Acquired<V> => {
    const entry = entries.get(key, wall);
    if (entry !== undefined) return { _tag: "Hit", entry };

    forgetSome(now);
    const known = leases.get(key);
    const last = known !== undefined && known.until > now ? known : undefined;
    const live = last?.ended === undefined ? last : undefined;
    const ended = live === undefined ? last : live.before;
    const outcome = ended !== undefined && ended.owner === waitedFor ? ended.ended : undefined;
    const after = outcome === "failed" ? outcome : undefined;

    if (live?.owner === owner) return { _tag: "Leader", remaining: live.until - now, after };
    if (outcome === "uncached") return { _tag: "Ended", outcome };
    if (live !== undefined) {
      live.followed = true;
      return { _tag: "Follower", remaining: live.until - now, lease: live.owner, after };
    }
    const before = last && { ...last, before: undefined };
    leases.set(key, { owner, until: now + ttl, followed: false, before });
    return { _tag: "Leader", remaining: ttl, after };
  };

  // Entries expire by the wall clock, which is read on every hit; leases by the monotonic one, which never jumps.
  return {
    name: "memory",
    peek: entries.get,
    get: (key) => step((now) => entries.get(key, now)),
    set: (key, value, ttl) =>
      step((now) => {
        entries.set(key, value, ttl, now);
        leases.delete(key);
        watchers.notify(key);
      }),
    delete: (key) =>
      step(() => {
        entries.delete(key);
        leases.delete(key);
        watchers.notify(key);
      }),
    acquire: (key, owner, ttl, waitedFor) =>
      step((wall, now) => acquire(key, owner, ttl, waitedFor, wall, now)),
    renew: (key, owner, ttl) =>
      step((_wall, now) => {
        const lease = held(key, owner, now);
        if (lease === undefined) return false;
        lease.until = now + ttl;
        return true;
      }),
    fill: (key, owner, value, ttl) =>
      step((wall, now) => {
        if (held(key, owner, now) === undefined) return false;
        entries.set(key, value, ttl, wall);
        leases.delete(key);
        watchers.notify(key);
        return true;
      }),
    release: (key, owner, outcome) =>
      step((_wall, now) => {
        const lease = held(key, owner, now);
        if (lease === undefined) return;
        if (lease.followed && outcome !== "cancelled") lease.ended = outcome;
        else leases.delete(key);
        watchers.notify(key);
      }),
    watch: watchers.watch,
  };
}
