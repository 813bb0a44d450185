import type { Effect, Scope } from "../effect/effect.ts";
import type { AdapterError } from "../model/errors.ts";

/** A cached value. It is wrapped so that `undefined` is a value like any other. */
export interface Entry<V> {
  /** The value as it was stored. */
  readonly value: V;
}

/** How a lease ended without a fill. */
export type LeaseOutcome = "failed" | "uncached" | "cancelled";

/** The entry is there: nothing was taken. */
export interface Hit<V> {
  /** Which answer. */
  readonly _tag: "Hit";
  /** What was found. */
  readonly entry: Entry<V>;
}

/** The caller holds the lease and leads. */
export interface Leader {
  /** Which answer. */
  readonly _tag: "Leader";
  /** How much longer the lease lives, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** `'failed'` if the lease that the caller waited for ended so. */
  readonly after?: "failed" | undefined;
}

/** Another owner holds the lease. */
export interface Follower {
  /** Which answer. */
  readonly _tag: "Follower";
  /** How much longer the lease lives, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** Names this one lease, for `waitedFor`. Two leases of a key never share a name. */
  readonly lease: string;
  /** `'failed'` if the lease that the caller waited for ended so. */
  readonly after?: "failed" | undefined;
}

/** The lease that the caller waited for ended without storing a value: nothing was taken. */
export interface Ended {
  /** Which answer. */
  readonly _tag: "Ended";
  /** How it ended. */
  readonly outcome: "uncached";
}

/** What {@linkcode Store.acquire} answers. */
export type Acquired<V> = Hit<V> | Leader | Follower | Ended;

/** A standing watch on one key. */
export interface Watch {
  /**
   * Completes once a fill, release, set or delete of the key has happened since the watch stood, or since the last
   * `next` completed; at once if it already has. It may complete without a reason: the engine looks again.
   */
  readonly next: Effect.Effect<void, AdapterError>;
}

/**
 * One backend, as the engine drives it: a key holds at most one entry and at most one lease.
 *
 * Guarantees that every store gives:
 *
 * - Each method is one atomic step, or says in its module's doc where it isn't.
 * - Contention is an answer; only a failure of the infrastructure is an `AdapterError`.
 * - Times to live are milliseconds, greater than zero, and may have a fraction. They are measured by the backend's
 *   clock, or by one version of the lease staying unchanged on the reader's own; clocks are never compared.
 * - A method whose reply was lost may be called again with the same owner.
 */
export interface Store<V> {
  /** The backend's name, for errors, spans and logs. */
  readonly name: string;

  /**
   * Looks without a round trip, for stores that live in this process: the entry that is fresh at `now` (epoch
   * milliseconds), or undefined.
   */
  peek?(key: string, now: number): Entry<V> | undefined;

  /**
   * Reads the entry, undefined if there is none or it has expired. Fails with a `corrupt` error where there is one that
   * can't be decoded; every other method treats such an entry as absent.
   */
  get(key: string): Effect.Effect<Entry<V> | undefined, AdapterError>;

  /** Stores a value for `ttl`, or without expiry, whoever holds the lease; revokes the lease and wakes watchers. */
  set(key: string, value: V, ttl?: number): Effect.Effect<void, AdapterError>;

  /** Removes the entry, revokes the lease and wakes watchers. */
  delete(key: string): Effect.Effect<void, AdapterError>;

  /**
   * Takes the lease for `ttl` if the key has neither an entry nor a live lease, and otherwise says what there is, in one
   * step.
   *
   * An owner that holds the lease already is the leader again: a reply that was lost is found by asking again.
   *
   * `waitedFor` is the {@linkcode Follower.lease} that the caller has been waiting for. If that lease ended `uncached`,
   * the answer is `Ended` and nothing is taken; if it ended `failed`, a `Leader` or `Follower` says so. How a lease
   * ended is remembered for as long as it would have lived, and by the lease that comes after it.
   */
  acquire(
    key: string,
    owner: string,
    ttl: number,
    waitedFor?: string,
  ): Effect.Effect<Acquired<V>, AdapterError>;

  /** Lets the owner's lease live `ttl` from now; false if the owner no longer holds it. */
  renew(key: string, owner: string, ttl: number): Effect.Effect<boolean, AdapterError>;

  /**
   * Stores the owner's value for `ttl`, or without expiry, ends its lease and wakes watchers. False, with nothing
   * written, if the owner no longer holds the lease.
   */
  fill(
    key: string,
    owner: string,
    value: V,
    ttl?: number,
  ): Effect.Effect<boolean, AdapterError>;

  /** Ends the owner's lease without a value and wakes watchers; does nothing if the owner no longer holds it. */
  release(
    key: string,
    owner: string,
    outcome: LeaseOutcome,
  ): Effect.Effect<void, AdapterError>;

  /**
   * Opens a watch on the key, for as long as the scope; returns once it stands, so that nothing is missed between an
   * `acquire` after it and `next`. Followers poll where a store without push has none, and where the answer is undefined:
   * this deployment of the backend has no push.
   */
  watch?(key: string): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope>;
}
