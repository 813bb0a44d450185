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

/** An open watch on one key. */
export interface Watch {
  /**
   * Completes after a fill, release, set or delete of the key since the watch was opened, or since the last `next`
   * completed; at once if there was one already. It may complete without a reason: the engine looks again.
   */
  readonly next: Effect.Effect<void, AdapterError>;
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
export interface Store<V> {
  /** The backend's name, for errors, spans and logs. */
  readonly name: string;

  /**
   * Returns the entry that is fresh at `now` (epoch milliseconds), or undefined, without a round trip. For stores in this
   * process.
   */
  peek?(key: string, now: number, aged?: boolean): Entry<V> | undefined;

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
}
