import type * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { AdapterError } from "../model/errors.ts";
import type { Codec } from "./codec.ts";

/** A cached value. It is wrapped so that `undefined` is a value like any other. */
export interface Entry<V> {
  /** The value as it was stored. */
  readonly value: V;
}

/** How a lease ended without a fill. */
export type LeaseOutcome = "failed" | "uncached" | "cancelled";

/** The answer that the entry is there; the lease is not taken. */
export interface Hit<V> {
  /** The kind of the answer. */
  readonly _tag: "Hit";
  /** The entry. */
  readonly entry: Entry<V>;
}

/** The answer that the owner holds the lease and leads. */
export interface Leader {
  /** The kind of the answer. */
  readonly _tag: "Leader";
  /** The rest of the lease, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** `'failed'` if the awaited lease ended so. */
  readonly after?: "failed" | undefined;
  /** What stood in the place of the lease, was none, and is replaced: to be reported. */
  readonly replaced?: AdapterError | undefined;
}

/** The answer that another owner holds the lease. */
export interface Follower {
  /** The kind of the answer. */
  readonly _tag: "Follower";
  /** The rest of the lease, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** The name of this lease, for `waitedFor`. Two leases of a key never have the same name. */
  readonly lease: string;
  /** `'failed'` if the awaited lease ended so. */
  readonly after?: "failed" | undefined;
}

/** The answer that the awaited lease ended without a stored value; the lease is not taken. */
export interface Ended {
  /** The kind of the answer. */
  readonly _tag: "Ended";
  /** How it ended. */
  readonly outcome: "uncached";
}

/** The answers of {@linkcode Store.acquire}. */
export type Acquired<V> = Hit<V> | Leader | Follower | Ended;

/** An open watch on one key. */
export interface Watch {
  /**
   * Completes after a fill, release, set or delete of the key since the watch was opened, or since the last `next`
   * completed; at once if there was one already. It may complete without a reason: the engine looks again.
   */
  readonly next: Effect.Effect<void, AdapterError>;
}

/**
 * One backend, for the engine: a key has at most one entry and at most one lease.
 *
 * Guarantees that every store gives:
 *
 * - Each method is one atomic step, or says in its module's doc where it isn't.
 * - Contention is an answer; only a failure of the infrastructure is an `AdapterError`.
 * - Times to live are milliseconds, greater than zero, and may have a fraction. The backend's clock measures them. Without
 *   such a clock, a reader watches one version of the lease stay unchanged by its own clock. Two clocks are never compared.
 * - A method may be called again with the same owner after its reply was lost.
 */
export interface Store<V> {
  /** The backend's name, for errors, spans and logs. */
  readonly name: string;

  /**
   * Returns the entry that is fresh at `now` (epoch milliseconds), or undefined, without a round trip. For stores in this
   * process.
   */
  peek?(key: string, now: number): Entry<V> | undefined;

  /**
   * Reads the entry; undefined if there is none or it has expired. Fails with a `corrupt` error for an entry that can't be
   * decoded. Every other method treats such an entry as absent.
   */
  get(key: string): Effect.Effect<Entry<V> | undefined, AdapterError>;

  /** Stores a value for `ttl`, or without expiry; revokes any lease of the key and wakes watchers. */
  set(key: string, value: V, ttl?: number): Effect.Effect<void, AdapterError>;

  /** Removes the entry, revokes the lease and wakes watchers. */
  delete(key: string): Effect.Effect<void, AdapterError>;

  /**
   * Takes the lease for `ttl` if the key has neither an entry nor a live lease. Otherwise answers with the entry or the
   * lease that is there. One step.
   *
   * An owner that holds the lease already is the leader again. So a lost reply is found by a second call.
   *
   * `waitedFor` is the {@linkcode Follower.lease} that the caller has waited for. If that lease ended `uncached`, the answer
   * is `Ended`, and the lease is not taken. If it ended `failed`, a `Leader` or `Follower` says so. The backend remembers
   * the end of a lease until the lease would have expired, and the next lease of the key remembers it, too.
   */
  acquire(
    key: string,
    owner: string,
    ttl: number,
    waitedFor?: string,
  ): Effect.Effect<Acquired<V>, AdapterError>;

  /** Extends the owner's lease to `ttl` from now; false if the owner no longer holds it. */
  renew(key: string, owner: string, ttl: number): Effect.Effect<boolean, AdapterError>;

  /**
   * Stores the owner's value for `ttl`, or without expiry, ends its lease and wakes watchers. If the owner no longer holds
   * the lease, it writes nothing and answers false.
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
   * Opens a watch on the key, until the scope closes. It completes as soon as the watch is open, so no change is missed
   * between a later `acquire` and `next`. Undefined means that this deployment of the backend has no push. Without
   * push, followers poll.
   */
  watch?(key: string): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope>;

  /**
   * What a value is once it has been stored and read back; throws for one that can't be stored. Stores without it give back
   * what they were given.
   */
  copy?(value: V): V;

  /** The same entries and leases with another codec. Stores without it keep values as they are, or have codecs of their own. */
  withCodec?(codec: Codec): Store<V>;
}
