import type { LeaseOutcome } from "../../src/store/store.ts";

/** The key that an operation is about, and who asks. */
export interface Target {
  /** The key as the caller has it, for the memory of this process. */
  readonly key: string;
  /** What the key is called in the backend. */
  readonly name: string;
  /** Fires once nobody waits for the answer any more. The request may be done anyway. */
  readonly signal: () => AbortSignal;
}

/**
 * What lies under one name, whatever the backend calls it: an entry, a lease, the memory of a lease's end, or several of
 * these. What is over by the backend's clock isn't there.
 *
 * A backend may return more than this, such as the version of what it found.
 */
export interface Row {
  /** The entry as it is stored, text or bytes. Anything else is an entry that can't be read. */
  readonly data?: unknown;
  /** The live lease. */
  readonly lease?: RowLease | undefined;
  /** How the last lease ended that ended without a value, for as long as it would have lived. */
  readonly ended?: EndedLease | undefined;
}

/** A live lease. */
export interface RowLease {
  /** Who holds it. */
  readonly owner: string;
  /** How much longer it lives, in milliseconds, by the backend's clock. */
  readonly remaining: number;
}

/** How a lease ended. */
export interface EndedLease {
  /** Who held it. */
  readonly owner: string;
  /** How it ended; one that was cancelled isn't remembered. */
  readonly outcome: Exclude<LeaseOutcome, "cancelled">;
}

/** A lease that is asked for. */
export interface Wanted<Found extends Row = Row> {
  /** Who asks for it. */
  readonly owner: string;
  /** How long it is to live, in milliseconds. */
  readonly ttl: number;
  /** The lease that the owner has been waiting for. */
  readonly waitedFor?: string | undefined;
  /** A row whose entry can't be read: while the very same entry is there, it counts as absent. */
  readonly ignored?: Found | undefined;
}

/** A value that is to be stored. */
export interface Written {
  /** The value, as the codec has it. */
  readonly data: string | Uint8Array;
  /** How long it is to live, in milliseconds; without it, for good. */
  readonly ttl: number | undefined;
}

/**
 * What a backend can do: a handful of functions over rows, from which `makeStore` makes a store. Each is one atomic step,
 * or says in its adapter's doc where it isn't. What they throw is the operation's failure; contention is an answer.
 *
 * A name has at most one entry and at most one lease. Times to live may have a fraction.
 */
export interface Backend<Found extends Row = Row> {
  /** The row, of which only the entry counts; undefined for none. */
  read(target: Target): Promise<Row | undefined>;
  /**
   * Takes the lease where there is neither an entry nor a live lease nor the end, `uncached`, of the lease that was waited
   * for; otherwise leaves all as it is. Returns what is there then: the new lease, or what was in its way. An owner that
   * holds the lease already keeps it as it is.
   */
  take(target: Target, wanted: Wanted<Found>): Promise<Found>;
  /** Lets the owner's lease live `ttl` from now; false if it is lost. */
  renew(target: Target, lease: { readonly owner: string; readonly ttl: number }): Promise<boolean>;
  /** Puts the entry in place of the owner's lease, and wakes; false, with nothing written, if the lease is lost. */
  fill(target: Target, filled: Written & { readonly owner: string }): Promise<boolean>;
  /** Ends the owner's lease, and wakes; nothing if it is lost. */
  release(
    target: Target,
    end: { readonly owner: string; readonly outcome: LeaseOutcome },
  ): Promise<unknown>;
  /** Puts the entry there, whatever there is, revokes the lease, and wakes. */
  write(target: Target, written: Written): Promise<unknown>;
  /** Removes the entry, revokes the lease, and wakes. */
  remove(target: Target): Promise<unknown>;
}
