import type { Failure, Lifetime } from "../../src/store/store.ts";
import type { EndWord } from "./end_word.ts";

/** The key of an operation, and its caller. */
export interface Target {
  /** The key as the caller has it, for the memory of this process. */
  readonly key: string;
  /** What the key is called in the backend. */
  readonly name: string;
  /** Fires once nobody waits for the answer any more. The request may be done anyway. */
  readonly signal: () => AbortSignal;
}

/**
 * What there is under one name: an entry, a lease, the memory of a lease's end, or several of these. What has expired by
 * the backend's clock isn't there.
 *
 * A backend may return more than this, such as the version of what it found.
 */
export interface Row {
  /** The entry as it is stored, text or bytes. Anything else is an entry that can't be read. */
  readonly data?: unknown;
  /** For how much longer the entry is fresh, in milliseconds; zero or less: since when it is stale. None: for good. */
  readonly freshFor?: number | null | undefined;
  /** How long the entry's fetch took, in milliseconds, if that is known. */
  readonly took?: number | null | undefined;
  /** The owner of the live lease. */
  readonly owner?: string | null | undefined;
  /** How much longer the lease lives, in milliseconds, by the backend's clock. */
  readonly remaining?: number | undefined;
  /** The owner of the last lease that ended failed or uncached, for as long as it would have lived. */
  readonly lastOwner?: string | null | undefined;
  /** How that lease ended. */
  readonly outcome?: RememberedOutcome | null | undefined;
  /** Whether it can be told that the owner is gone. */
  readonly watched?: boolean | undefined;
  /** How many fetches have failed in a row. */
  readonly failures?: number | null | undefined;
  /** For how much longer nobody is to fetch again, in milliseconds, where there is no lease. */
  readonly quietFor?: number | null | undefined;
  /** Whether the lease that was taken is in place of what can't have been one. */
  readonly replaced?: boolean | undefined;
}

/** How a lease ended, in a word; the end of one that was cancelled isn't remembered. */
export type RememberedOutcome = Exclude<EndWord, "cancelled">;

/** A lease that is asked for. */
export interface Wanted<Found extends Row = Row> {
  /** Who asks for it. */
  readonly owner: string;
  /** How long it is to live, in milliseconds. */
  readonly ttl: number;
  /** The lease that the owner has been waiting for. */
  readonly waitedFor?: string | undefined;
  /** An entry is in the way that is fresh for longer than this, in milliseconds; of `Infinity` none is. */
  readonly freshBelow: number;
  /** Whether a time in which nobody is to fetch is in the way, too. */
  readonly backOff: boolean;
  /** A row whose entry can't be read: while the very same entry is there, it counts as absent. */
  readonly ignored?: Found | undefined;
}

/** A value that is to be stored, and for how long. */
export interface Written extends Lifetime {
  /** The value, as the codec has it. */
  readonly data: string | Uint8Array;
}

/** The longest that an entry is fresh, or stale, in milliseconds, without being so for good: 3,000 years. */
export const LONGEST = 1e14;

/** A lifetime that every backend can keep. */
export function bounded({ freshFor, staleFor, took }: Lifetime = {}): Lifetime {
  return {
    freshFor: freshFor === undefined || freshFor > LONGEST ? undefined : freshFor,
    staleFor: staleFor && Math.min(staleFor, LONGEST),
    took,
  };
}

/** How long an entry is there at all, in milliseconds; undefined: for good. */
export function lifeOf({ freshFor, staleFor = 0 }: Lifetime): number | undefined {
  return freshFor === undefined ? undefined : freshFor + staleFor;
}

/** How a lease ends without a fill. */
export interface LeaseEnd {
  readonly owner: string;
  /** In a word, which is remembered as it is: `failed`, which more may follow, `uncached` or `cancelled`. */
  readonly outcome: EndWord;
  /** What is told to those who would fetch next. */
  readonly failure?: Failure | undefined;
}

/**
 * What a backend can do: a handful of functions over rows, from which `makeStore` makes a store. Each is one atomic step,
 * or says in its adapter's doc where it isn't. What they throw is the operation's failure; contention is an answer.
 *
 * A name has at most one entry and at most one lease. Times to live may have a fraction.
 */
export interface Backend<Found extends Row = Row> extends BackendOfMany<Found> {
  /**
   * The row, of which only the entry counts, fresh or stale; undefined for none. A stale entry says so; a fresh one whose
   * lifetime had `staleFor` or `took` says for how much longer it is fresh if it is to be `aged`.
   */
  read(target: Target, aged: boolean): Promise<Row | undefined>;
  /**
   * Takes the lease where nothing is in its way: no entry that is fresh for longer than `freshBelow`, no live lease, no end,
   * `uncached`, of the lease that was waited for, and with `backOff` no time in which nobody is to fetch; otherwise leaves
   * all as it is. Returns what is there then: the entry, and the new lease or what was in its way. An owner that holds the
   * lease already keeps it as it is. A stale entry stays beside the lease.
   */
  take(target: Target, wanted: Wanted<Found>): Promise<Found>;
  /** Lets the owner's lease live `ttl` from now; false if it is lost. */
  renew(target: Target, lease: { readonly owner: string; readonly ttl: number }): Promise<boolean>;
  /** Puts the entry in place of the owner's lease, and wakes; false, with nothing written, if the lease is lost. */
  fill(target: Target, filled: Written & { readonly owner: string }): Promise<boolean>;
  /**
   * Ends the owner's lease, and wakes; nothing if it is lost. An entry stays. A failure is remembered for its `quietFor`, and
   * its `failures` for {@linkcode FAILURES_REMEMBERED} more, and by the next lease.
   */
  release(target: Target, end: LeaseEnd): Promise<unknown>;
  /**
   * Has leases say by which topic it is known that their owners' process is there, if the backend sees that by now; nothing
   * for those that are lost. `take` looks whether it is, and takes a lease whose owner was absent twice, {@linkcode GRACE}
   * apart at least, for none, if it was neither there, nor announced, nor renewed in between.
   */
  announce?(
    asked: readonly (readonly [Target, { readonly owner: string; readonly topic: string }])[],
  ): Promise<unknown>;
  /** Stores the entry unconditionally, revokes the lease, and wakes. */
  write(target: Target, written: Written): Promise<unknown>;
  /** Ends the time in which the entry is fresh, removes one without a stale time, revokes the lease, and wakes. */
  expire(target: Target): Promise<unknown>;
  /** Removes the entry, revokes the lease, and wakes. */
  remove(target: Target): Promise<unknown>;
}

/**
 * What a backend can do for many names in one request, each name once: for each what the function above does, with its answer
 * in its place. Each is left out where there is no such request. If one of them throws, each name is asked for by itself.
 */
export interface BackendOfMany<Found extends Row> {
  readMany?(
    asked: readonly (readonly [Target, aged: boolean])[],
  ): Promise<readonly (Row | undefined)[]>;
  takeMany?(asked: readonly (readonly [Target, Wanted<Found>])[]): Promise<readonly Found[]>;
  renewMany?(
    asked: readonly (readonly [Target, { readonly owner: string; readonly ttl: number }])[],
  ): Promise<readonly boolean[]>;
  fillMany?(
    asked: readonly (readonly [Target, Written & { readonly owner: string }])[],
  ): Promise<readonly boolean[]>;
  releaseMany?(asked: readonly (readonly [Target, LeaseEnd])[]): Promise<unknown>;
}
