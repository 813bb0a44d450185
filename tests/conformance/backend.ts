import type { Effect, Exit, Scope } from "effect";
import type { Halves, LeasesHalf } from "../../src/store/halves.ts";
import type { Store } from "../../src/store/store.ts";

/** The description of a backend for the suite. */
export interface Backend {
  /**
   * Opens a store, or hand-written halves, with its own client, as another process would. Every case opens two over the
   * same backend, and closes them with its scope. Return a new object each time: two stores must not share flights.
   */
  readonly open: Effect.Effect<
    Store<unknown> | Halves & { readonly leases: LeasesHalf },
    unknown,
    Scope.Scope
  >;
  /** The guarantees that the backend can't give, each with the reason. Their cases are skipped with it. */
  readonly gaps?: Gaps | undefined;
  /** The backend rounds times to live up to this unit, in milliseconds; 1 by default. */
  readonly granularity?: number | undefined;
  /**
   * The lifetime of a lease or an entry whose end a case waits for, in milliseconds; 300 by default. A case about
   * times that fails runs once more with times six times as long. Where this process or the store was late in a case that
   * fails, it is tried four times at most: so no store fails on a busy machine.
   */
  readonly pace?: number | undefined;
  /** Values that come back unchanged, besides those that every store keeps: bytes, dates, `NaN`, … */
  readonly values?: readonly unknown[] | undefined;
  /** How others may damage what the store keeps, or the reason why nobody can. */
  readonly damage: Damage | string;
  /** Lists everything of a key in the backend and in the open stores: entry, lease, remembered outcome, watch. */
  readonly leftovers?: ((key: string) => Effect.Effect<readonly unknown[], unknown>) | undefined;
  /**
   * Opens a store as `open` does, of a process that can die: with it ends what the process has open to the backend, and
   * nothing is done any more. For a store that has `announce`.
   */
  readonly mortal?:
    | Effect.Effect<
      {
        readonly store: Store<unknown> | Halves & { readonly leases: LeasesHalf };
        readonly die: () => unknown;
      },
      unknown,
      Scope.Scope
    >
    | undefined;
  /** Runs a case: in real time by default, or on a simulated clock. */
  readonly run?: (<A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>) | undefined;
}

/**
 * Writes something for a key past the store, over whatever is there. Where it says of itself how long it lives, it says
 * `ttl`, in milliseconds.
 */
export type Damager = (key: string, ttl: number) => PromiseLike<unknown>;

/**
 * What restores, copies, other programs and bugs leave in a backend, by what it is, as `a value without quotes`. In each
 * list one writer is for each way in which the backend's own types let something be wrong.
 */
export interface Damage {
  /** Entries whose value can't be decoded: misses that are reported. */
  readonly entries: Readonly<Record<string, Damager>>;
  /** Entries of the value `"damaged"` whose end is of a wrong type: misses. */
  readonly ends?: Readonly<Record<string, Damager>> | undefined;
  /**
   * Entries of the value `"damaged"` whose stale time, or the time that their fetch took, is of a wrong type, less than zero,
   * without an end or no number: hits or stale, and no operation fails of them.
   */
  readonly ages?: Readonly<Record<string, Damager>> | undefined;
  /**
   * Ends of leases after which nobody is to fetch for longer than the longest `leaseTtl`, or until an end of a wrong type, or
   * for which the number of failures is none: whoever asks may fetch.
   */
  readonly pauses?: Readonly<Record<string, Damager>> | undefined;
  /**
   * Leases that end never, or later than the longest `leaseTtl` of 30 days, or at an end of a wrong type; and ends of
   * leases that were nobody's. They are over: at once, or where the backend has no clock to ask, for who has seen one for
   * as long as it says that it lives.
   */
  readonly leases: Readonly<Record<string, Damager>>;
  /** What is in the place of a lease, and can't be one: it is replaced, and reported. */
  readonly strangers?: Readonly<Record<string, Damager>> | undefined;
}

/** The guarantees of {@linkcode Store} that some backends can't give. */
export interface Gaps {
  /** Push wakes followers: the store has `watch`. */
  readonly push?: string | undefined;
  /** `fill` refuses an owner that has lost its lease. */
  readonly fencing?: string | undefined;
  /** `set` and `delete` revoke the lease. */
  readonly revocation?: string | undefined;
  /** Followers learn how the lease that they waited for ended. */
  readonly outcomes?: string | undefined;
  /**
   * A lease expires by the backend's clock. Without this guarantee, it expires for a process that has seen it unchanged
   * for its length.
   */
  readonly expiry?: string | undefined;
  /** `renew` extends the lease, and says whether the owner still holds it. */
  readonly renewal?: string | undefined;
  /** An entry can be stale: it is kept for `staleFor` beyond its time, beside a lease, and told from a fresh one. */
  readonly staleness?: string | undefined;
  /** For how long nobody is to fetch after a failure is kept with the lease. */
  readonly failures?: string | undefined;
  /** Processes with different wall clocks see the same. */
  readonly clocks?: string | undefined;
  /** Entries can be kept in front of the store: it has `withL1`, as those of the adapters of a remote backend do. */
  readonly l1?: string | undefined;
  /** `null` is a value. */
  readonly nulls?: string | undefined;
}

/** One case of the suite, for any test runner. */
export interface Case {
  /** The property that the case tests. */
  readonly name: string;
  /** Runs the case; rejects if the store doesn't have the property. */
  readonly run: () => Promise<void>;
  /** The reason why the case can't run on this backend. */
  readonly skipped?: string | undefined;
  /** True if no other case may run at the same time: this one moves the process's clock, or keeps the process busy. */
  readonly alone: boolean;
}
