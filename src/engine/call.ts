import type { ClientState } from "./client_state.ts";
import type { deadline } from "../effect/deadline.ts";
import type * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import type { Flight } from "./single_flight.ts";
import type { AdapterOperation, CacheLockingError } from "../model/errors.ts";
import type { FetchContext } from "../model/fetch_context.ts";
import type { Hooks } from "../model/hooks.ts";
import type { Observer } from "../model/metrics.ts";
import type { Counters } from "../model/stats.ts";
import type { Codec } from "../store/codec.ts";
import type { Store } from "../store/store.ts";
import type { WaitStrategy } from "../model/wait_strategy.ts";

export type { FetchContext } from "../model/fetch_context.ts";

/** The options of a call, validated and resolved. Durations are in milliseconds. */
export interface Settings {
  /** What spans, logs and counters call the client. */
  readonly name: string | undefined;
  /** Where entries and leases are kept. */
  readonly store: Store<unknown>;
  /** How long a value is stored: without expiry if undefined, not at all if zero. A function is asked for each value. */
  readonly cacheTtl: number | undefined | ((value: unknown) => unknown);
  /** By which part of it chance may shorten that time, from 0 to 1. */
  readonly ttlJitter: number;
  /** For how long a stale value is answered at once, while it is refreshed. */
  readonly staleWhileRevalidate: number;
  /** For how long a stale value is answered in place of a failure. */
  readonly staleIfError: number;
  /** The longer of the two, for which stale values are kept; undefined for not at all. */
  readonly staleFor: number | undefined;
  /** The longest that a caller waits for a fresh value that may have a stale one in place of a failure. */
  readonly softTimeout: number;
  /** An entry that is fresh for longer than this is a hit: zero, but for a call that refreshes. */
  readonly freshBelow: number;
  /** From which part of its time on a fresh entry is refreshed, or how early by chance; not before its end if undefined. */
  readonly refreshAhead: number | { readonly beta: number } | undefined;
  /** For how long nobody refreshes after the first failed fetch. */
  readonly errorBackoff: number;
  /** How failures are shared with other processes; not at all if undefined. */
  readonly failures: {
    readonly codec: Codec;
    /** For how long nobody fetches after the first, in milliseconds. */
    readonly ttl: number;
    readonly when: ((error: unknown) => boolean) | undefined;
  } | undefined;
  /** Whether a call that isn't answered by what is in this process begins with a read. */
  readonly reads: boolean;
  /** How long a lease lives without its leader. */
  readonly leaseTtl: number;
  /** The longest that a caller waits for another. */
  readonly waitMax: number;
  /** The longest that a fetch may run. */
  readonly fetchTimeout: number;
  /** Whether a fetch under a lease goes on when its last caller has left. */
  readonly finish: boolean;
  /** The longest pause between two looks where the store has no push. */
  readonly waitStep: number;
  /** How long a follower pauses before it looks again. */
  readonly waitStrategy: WaitStrategy;
  /** Whether a value is stored; all are if undefined. */
  readonly shouldCache: ((value: unknown) => boolean) | undefined;
  /** How many failed fetches a waiting caller learns of before it fails: one more than the option `takeovers`. */
  readonly maxFailures: number;
  /** Stands before the random owner token. */
  readonly ownerId: string | undefined;
  /** Fails the call once it is aborted. */
  readonly signal: AbortSignal | undefined;
  /** Whether each caller has a value of its own. */
  readonly copy: boolean;
  /** Whether the call shares flights with others of this process. */
  readonly coalesce: boolean;
  /** Whether a failed read or acquire makes the call fetch without the cache. */
  readonly bypass: boolean;
  /** The longest that one operation of the store may take. */
  readonly operationTimeout: number;
  /** Receives work that continues after its callers. */
  readonly waitUntil: ((work: Promise<void>) => void) | undefined;
  /** The client of the call, if it has one. */
  readonly client: ClientState | undefined;
  /** What counts the calls of the client. */
  readonly counters: Counters;
  /** What is told of its calls, where metrics are made of them. */
  readonly observer: Observer | undefined;
  /** What the caller runs at the steps of the call. */
  readonly hooks: Hooks<unknown>;
  /** Logs a failure that fails no call, where there is no hook `onError`. */
  readonly log: (error: CacheLockingError, name: string | undefined) => Effect.Effect<void>;
}

/** What the calls for many keys at once have in common: what they ask of the store is gathered. */
export interface Together {
  /** What they ask of the store in this turn, by operation. */
  readonly asked: Map<AdapterOperation, unknown[]>;
  /** Waits for nearly so long, with others. */
  readonly deadline: typeof deadline;
  /** One of them looks: it reads, or acquires the lease. Once it knows its part, it calls what this returns. */
  look(): () => void;
}

/** The same where their fetches are gathered, too. */
export interface Gather extends Together {
  /** Has a flight's key fetched with those of others, and goes on with what it gets. What this returns gives that up. */
  fetch(flight: Flight<unknown>, ended: (exit: FetchExit) => void): Leave;
}

/** How a fetch has ended for one key. */
export type FetchExit = Exit.Exit<unknown, unknown>;

/** Gives something up, unless it has ended, and calls back once it is no longer under way for that. */
export type Leave = (left: () => void) => void;

/** A key, and the settings that it is used with. */
export interface Keyed {
  readonly settings: Settings;
  readonly key: string;
  /** Gathers what it asks for with what the other keys do that were asked for with it. */
  readonly gather?: Together | undefined;
}

/** What spans and logs say of a key's calls beside their outcome. */
export function attributesOf(
  { key, settings: { name, store } }: Keyed,
): Readonly<Record<string, string>> {
  return name === undefined
    ? { key, adapter: store.name }
    : { cache: name, key, adapter: store.name };
}

/** One call: the settings, the key, and the caller's own fetcher. */
export interface Call extends Keyed {
  readonly gather?: Gather | undefined;
  readonly fetcher: (context: FetchContext) => Effect.Effect<unknown, unknown, unknown>;
}
