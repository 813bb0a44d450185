import type { Effect, Exit, Scope } from "effect";
import type { Halves, LeasesHalf } from "../../src/store/halves.ts";
import type { Store } from "../../src/store/store.ts";

/** What the suite is told of a backend. */
export interface Backend {
  /**
   * Opens a store, or hand-written halves, with a client of its own, as another process would. Every case opens two, over
   * the same backend, and closes them with its scope.
   */
  readonly open: Effect.Effect<
    Store<unknown> | Halves & { readonly leases: LeasesHalf },
    unknown,
    Scope.Scope
  >;
  /** The guarantees that the backend can't give, each with the reason, with which its cases are skipped. */
  readonly gaps?: Gaps | undefined;
  /** The unit, in milliseconds, that times to live are rounded up to; 1 by default. */
  readonly granularity?: number | undefined;
  /**
   * How long a lease or an entry lives in the suite whose end is waited for, in milliseconds; 300 by default. A case that
   * fails at this pace goes once more, at a sixth of it, so that no store fails because the machine was busy.
   */
  readonly pace?: number | undefined;
  /** Values that come back as they were beyond those that every store keeps: bytes, dates, `NaN`, … */
  readonly values?: readonly unknown[] | undefined;
  /** Puts bytes that can't be decoded where the entry of the key is kept. */
  readonly corrupt?: ((key: string) => Effect.Effect<unknown, unknown>) | undefined;
  /** Lists what there is of a key, in the backend and in the open stores: entry, lease, remembered outcome, watch. */
  readonly leftovers?: ((key: string) => Effect.Effect<readonly unknown[], unknown>) | undefined;
  /** Runs a case: in real time by default, or in a world with a clock that is moved. */
  readonly run?: (<A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>) | undefined;
}

/** The guarantees of {@linkcode Store} that some backend can't give. */
export interface Gaps {
  /** Followers are woken: the store has `watch`. */
  readonly push?: string | undefined;
  /** `fill` refuses an owner that has lost its lease. */
  readonly fencing?: string | undefined;
  /** `set` and `delete` revoke the lease. */
  readonly revocation?: string | undefined;
  /** How a lease ended is told to those who waited for it. */
  readonly outcomes?: string | undefined;
  /**
   * A lease ends by the backend's clock. Without this guarantee it ends for those who have seen it stay unchanged for as
   * long as it lives.
   */
  readonly expiry?: string | undefined;
  /** `renew` tells who holds the lease, and lets it live longer. */
  readonly renewal?: string | undefined;
  /** Processes whose wall clocks differ see the same. */
  readonly clocks?: string | undefined;
  /** `null` is a value. */
  readonly nulls?: string | undefined;
}

/** One case of the suite, for any test runner. */
export interface Case {
  /** What it shows. */
  readonly name: string;
  /** Rejects if the store doesn't show it. */
  readonly run: () => Promise<void>;
  /** Why it can't be run on this backend. */
  readonly skipped?: string | undefined;
  /** True where no other may run beside it: it moves this process's clock, takes its time, or keeps it busy. */
  readonly alone: boolean;
}
