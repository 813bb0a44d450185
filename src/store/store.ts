import type * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { AdapterError } from "../model/errors.ts";
import type { Codec } from "./codec.ts";

/** A cached value, and how fresh it is. It is wrapped so that `undefined` is a value like any other. */
export interface Entry<V> {
  /** The value as it was stored. */
  readonly value: V;
  /**
   * For how much longer it is fresh, in milliseconds by the store's clock; zero or less: for how long it has been stale.
   * Undefined: it is fresh, either for good, or for a time that the store doesn't tell: see {@linkcode Store.get}.
   */
  readonly freshFor?: number | undefined;
  /** How long its fetch took, in milliseconds, where that was stored with it. */
  readonly took?: number | undefined;
  /** The value as it is stored, in bytes; only for an L1. */
  readonly data?: Uint8Array | undefined;
}

/** Whether an entry is fresh for longer than `freshBelow`, in milliseconds; of `Infinity` none is. */
export function isFresh(
  { freshFor }: { readonly freshFor?: number | null | undefined },
  freshBelow = 0,
): boolean {
  return (freshFor ?? Number.MAX_VALUE) > freshBelow;
}

/** How long a value lives. All are milliseconds, greater than zero, and may have a fraction. */
export interface Lifetime {
  /** For how long it is fresh; without it, until somebody ends it. */
  readonly freshFor?: number | undefined;
  /** For how long it is kept once it is stale; without it, not at all. */
  readonly staleFor?: number | undefined;
  /**
   * How long its fetch took. It is kept with the value, and who reads the value is told for how much longer it is fresh, on
   * every backend.
   */
  readonly took?: number | undefined;
}

/** How a lease ended without a fill. */
export type LeaseOutcome = "failed" | "uncached" | "cancelled";

/** What a failed fetch tells those who would fetch next. */
export interface Failure {
  /** How many fetches have failed in a row, this one included. */
  readonly failures: number;
  /** For how long nobody is to fetch again, in milliseconds, greater than zero. */
  readonly quietFor: number;
  /** What those are told meanwhile: base64 of at most 8 kB. */
  readonly payload?: string | undefined;
}

/** What {@linkcode Store.acquire} has to know besides the lease that is asked for. */
export interface AcquireOptions {
  /** The {@linkcode Follower.lease} that the caller has waited for. */
  readonly waitedFor?: string | undefined;
  /** An entry is a hit that is fresh for longer than this, in milliseconds; zero by default. With `Infinity` none is. */
  readonly freshBelow?: number | undefined;
  /** Whether the answer is `Failed` while nobody is to fetch again; false by default. */
  readonly backOff?: boolean | undefined;
}

/** The answer that there is an entry that is fresh enough; the lease is not taken. */
export interface Hit<V> {
  /** The kind of the answer. */
  readonly _tag: "Hit";
  /** The entry. */
  readonly entry: Entry<V>;
}

/** The answer that the owner holds the lease and leads. */
export interface Leader<V = unknown> {
  /** The kind of the answer. */
  readonly _tag: "Leader";
  /** The entry that is there nevertheless: it is stale, or not fresh for longer than `freshBelow`. */
  readonly entry?: Entry<V> | undefined;
  /** How many fetches have failed in a row before this lease, as far as that is remembered. */
  readonly failures?: number | undefined;
  /** The rest of the lease, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** `'failed'` if the awaited lease ended so. */
  readonly after?: "failed" | undefined;
  /** What stood in the place of the lease, was none, and is replaced: to be reported. */
  readonly replaced?: AdapterError | undefined;
}

/** The answer that another owner holds the lease. */
export interface Follower<V = unknown> {
  /** The kind of the answer. */
  readonly _tag: "Follower";
  /** As {@linkcode Leader.entry}. */
  readonly entry?: Entry<V> | undefined;
  /** The rest of the lease, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** The name of this lease, for `waitedFor`. Two leases of a key never have the same name. */
  readonly lease: string;
  /** Whether the store can tell that the owner is gone: see {@linkcode Store.announce}. */
  readonly watched?: boolean | undefined;
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

/** The answer that the last fetch has failed, and that nobody is to fetch again yet; the lease is not taken. */
export interface Failed<V = unknown> {
  /** The kind of the answer. */
  readonly _tag: "Failed";
  /** For how much longer nobody is to fetch, in milliseconds, by the store's clock. */
  readonly remaining: number;
  /** How many fetches have failed in a row. */
  readonly failures: number;
  /** What the failure tells: its {@linkcode Failure.payload}. */
  readonly payload?: string | undefined;
  /** As {@linkcode Leader.entry}. */
  readonly entry?: Entry<V> | undefined;
}

/** The answers of {@linkcode Store.acquire}. */
export type Acquired<V> = Hit<V> | Leader<V> | Follower<V> | Ended | Failed<V>;

/** What an L1 keeps, and for how long. */
export interface L1Settings {
  /** How old an entry may be, in milliseconds, since it was read; a default of the L1 by default. */
  readonly ttl?: number | undefined;
  /** The largest number of entries. */
  readonly maxEntries: number;
  /** What their values may weigh together, in bytes as the backend has them. */
  readonly maxBytes: number;
  /** Whether each hit has a value of its own. */
  readonly copy: boolean;
  /** Whether the server itself tells of changes; off by default. */
  readonly tracking?: boolean | undefined;
}

/** Tells of changes of entries, whoever makes them, for an L1. */
export interface Changes {
  /** By which whole number below 2^31 changes tell of a key. Other keys may have the same. */
  hashOf(key: string): number;
  /** How old an entry is served at most that is kept on them, in milliseconds, where nothing else says so; 1 minute by default. */
  readonly ttl?: number | undefined;
  /**
   * Tells a listener of changes, until what this returns is called. It calls nothing of it before it returns, nor
   * afterwards.
   */
  listen(listener: ChangesListener): () => void;
}

/** What is told of changes. All times are milliseconds of the monotonic clock of this process. */
export interface ChangesListener {
  /** The entries of keys with this hash were set, expired, deleted, or filled over, maybe by this process. */
  changed(hash: number): void;
  /** Any entry may have been changed before now without being told of. */
  missed(): void;
  /**
   * What was read since the last `missed`, and told no change of since it was read, may be served until this time. Without a
   * time, it may not.
   */
  stands(until: number | undefined): void;
  /** This deployment of the backend tells of none. */
  none(): void;
}

/** An open watch on one key. */
export interface Watch {
  /**
   * Completes after a fill, release, set, expire or delete of the key since the watch was opened, or since the last `next`
   * completed; at once if there was one already. A store may leave out what ends no lease that this process has found since
   * then, by `acquire`. It may complete without a reason: the engine looks again.
   */
  readonly next: Effect.Effect<void, AdapterError>;
}

/** What an operation on many keys answers: for each, in their order, its answer, or how it has failed. */
export type OnMany<Answer> = Effect.Effect<readonly (Answer | AdapterError)[], AdapterError>;

/**
 * Operations of a {@linkcode Store} on many keys at once, each key once, for backends that have one request for them. All
 * are left out where there is none: then each key is asked for by itself.
 *
 * Each takes for each key what the operation on one key takes, and does the same, with the same guarantees: a key is one atomic step, all of them
 * together needn't be. A key that fails doesn't fail the others. Two of them that meet in another order must not wait for
 * each other.
 */
export interface StoreOfMany<V> {
  /** As {@linkcode Store.get}. */
  getMany?(
    asked: readonly [key: string, aged?: boolean][],
  ): OnMany<Entry<V> | undefined>;

  /** As {@linkcode Store.acquire}. */
  acquireMany?(
    asked: readonly [key: string, owner: string, ttl: number, options?: AcquireOptions][],
  ): OnMany<Acquired<V>>;

  /** As {@linkcode Store.renew}. */
  renewMany?(asked: readonly [key: string, owner: string, ttl: number][]): OnMany<boolean>;

  /** As {@linkcode Store.fill}. */
  fillMany?(
    asked: readonly [key: string, owner: string, value: V, lifetime?: Lifetime][],
  ): OnMany<boolean>;

  /** As {@linkcode Store.release}. */
  releaseMany?(
    asked: readonly [key: string, owner: string, outcome: LeaseOutcome, failure?: Failure][],
  ): OnMany<void>;
}

/**
 * One backend, for the engine: a key has at most one entry and at most one lease, side by side. An entry is fresh first,
 * and then stale for as long as its {@linkcode Lifetime} says; after that there is none.
 *
 * Guarantees that every store gives:
 *
 * - Each method is one atomic step, or says in its module's doc where it isn't.
 * - Contention is an answer; only a failure of the infrastructure is an `AdapterError`.
 * - Lengths of time are milliseconds, greater than zero, and may have a fraction. The backend's clock measures them. Without
 *   such a clock, a reader watches one version of the lease stay unchanged by its own clock. Two clocks are never compared.
 * - A method may be called again with the same owner after its reply was lost.
 */
export interface Store<V> extends StoreOfMany<V> {
  /** The backend's name, for errors, spans and logs. */
  readonly name: string;

  /**
   * Returns the entry that is fresh at `now` (epoch milliseconds), or undefined, without a round trip. For stores in this
   * process, and for those that keep what they have read in it.
   */
  peek?(key: string, now: number, aged?: boolean): Entry<V> | undefined;

  /** `'l1'` if `peek` doesn't find all that there is, but what was read lately. */
  readonly tier?: "l1" | undefined;

  /**
   * Tells of changes, as a backend with messages can: of `set`, `expire`, `delete`, and a `fill` over an entry that is there. It
   * may leave out those of entries that aren't fresh.
   */
  readonly changes?: Changes | undefined;

  /** This process has changed the key, or may have: what was read of it before isn't found by `peek` any more. */
  forget?(key: string): void;

  /**
   * Reads the entry, fresh or stale; undefined if there is none. Fails with a `corrupt` error for an entry that can't be
   * decoded. Every other method treats such an entry as absent.
   *
   * A stale entry always says so. For how much longer a fresh one is fresh is told if it is `aged` that is asked for, of
   * entries that were stored with `staleFor` or `took`; otherwise where it costs nothing.
   */
  get(key: string, aged?: boolean): Effect.Effect<Entry<V> | undefined, AdapterError>;

  /** Stores a value, revokes any lease of the key and wakes watchers. */
  set(key: string, value: V, lifetime?: Lifetime): Effect.Effect<void, AdapterError>;

  /**
   * Makes a fresh entry stale from now on, for as long as it was to be kept then; one that wasn't is gone. Revokes any lease
   * of the key and wakes watchers.
   */
  expire(key: string): Effect.Effect<void, AdapterError>;

  /** Removes the entry, revokes the lease and wakes watchers. */
  delete(key: string): Effect.Effect<void, AdapterError>;

  /**
   * Takes the lease for `ttl` if the key has neither an entry that is fresh for longer than `freshBelow` nor a live lease.
   * Otherwise answers with the entry or the lease that is there. One step. A stale entry stays where it is.
   *
   * An owner that holds the lease already is the leader again. So a lost reply is found by a second call.
   *
   * If the lease `waitedFor` ended `uncached`, the answer is `Ended`, and the lease is not taken. If it ended `failed`, a
   * `Leader` or `Follower` says so. The backend remembers the end of a lease until the lease would have expired, and the next
   * lease of the key remembers it, too.
   *
   * With `backOff`, the answer is `Failed` for as long as the last release's {@linkcode Failure} wants it quiet. The next
   * lease ends that; how many fetches have failed in a row is remembered for a minute longer, and by the next lease.
   */
  acquire(
    key: string,
    owner: string,
    ttl: number,
    options?: AcquireOptions,
  ): Effect.Effect<Acquired<V>, AdapterError>;

  /** Extends the owner's lease to `ttl` from now; false if the owner no longer holds it. */
  renew(key: string, owner: string, ttl: number): Effect.Effect<boolean, AdapterError>;

  /**
   * Stores the owner's value, in place of any entry, ends its lease and wakes watchers. If the owner no longer holds the
   * lease, it writes nothing and answers false.
   */
  fill(
    key: string,
    owner: string,
    value: V,
    lifetime?: Lifetime,
  ): Effect.Effect<boolean, AdapterError>;

  /**
   * Ends the owner's lease without a value and wakes watchers; does nothing if the owner no longer holds it. An entry stays.
   * `failure` goes with the outcome `failed`.
   */
  release(
    key: string,
    owner: string,
    outcome: LeaseOutcome,
    failure?: Failure,
  ): Effect.Effect<void, AdapterError>;

  /**
   * Opens a watch on the key, until the scope closes. It completes as soon as the watch is open, so no change is missed
   * between a later `acquire` and `next`. Undefined means that this deployment of the backend has no push. Without
   * push, followers poll.
   */
  watch?(key: string): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope>;

  /**
   * Has the store tell for itself whether the owner of a lease is still there, until what this returns is called: once the
   * lease has ended. It fails never, and costs nothing where this deployment of the backend can't tell.
   *
   * An owner is there while its process and the connection of it live. Once that stands, followers are told that the lease
   * is `watched`, and ask for it often. Where the owner was absent in two acquires, {@linkcode GRACE} apart at least, and was
   * neither there, nor announced, nor renewed in between, the lease is over: the second of them may have it. One whose
   * connection is back is announced again.
   */
  announce?(key: string, owner: string): () => void;

  /**
   * Closes the connections of its own that nobody uses now, as a client that uses the store is closed. What needs them later
   * opens them again.
   */
  closeIdle?(): void;

  /**
   * What a value is once it has been stored and read back; throws for one that can't be stored. Stores without it give back
   * what they were given.
   */
  copy?(value: V): V;

  /** The same entries and leases with another codec. Stores without it keep values as they are, or have codecs of their own. */
  withCodec?(codec: Codec): Store<V>;

  /**
   * The same entries and leases, with entries kept in this process in front of them. Throws a `VALIDATION_ERROR` for what it
   * can't do of what is wanted.
   */
  withL1?(l1: L1Settings): Store<V>;
}
