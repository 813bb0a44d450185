import type { CacheOutcome } from "./cache_outcome.ts";
import type { AdapterOperation } from "./errors.ts";

/**
 * Makes numbers of what clients do: the option `metrics`. `cache-locking/metrics` has two, for Effect and for OpenTelemetry,
 * which may serve any number of clients.
 */
export interface Metrics {
  /** Takes a client as it is made, and returns what is told of it from then on. */
  observe(client: ObservedClient): Observer;
}

/** A client that is observed. */
export interface ObservedClient {
  /** Its name, if it has one. */
  readonly name: string | undefined;
  /** The name of its adapter: `redis`. */
  readonly backend: string;
}

/**
 * What is told of one client, as it happens. The methods must be quick, and must not throw. Callers that share a flight are
 * told of by the client of the first of them, but for the ends of their calls.
 */
export interface Observer {
  /** Calls of `getOrSet` or `refresh` have ended. One that was interrupted or aborted isn't told of. */
  call(key: string, end: CallEnd): void;
  /** A fetch has ended; one that was interrupted isn't told of. */
  fetch(key: string, end: TimedEnd): void;
  /** An operation of the backend has ended; those of adapters in this process, which take no time, aren't told of. */
  operation(key: string, end: OperationEnd): void;
  /** Something else has happened, which `stats()` counts by the same name. */
  event(key: string, event: ObservedEvent): void;
}

/** How calls have ended. */
export interface CallEnd {
  /** The outcome; undefined for a call that failed. */
  readonly outcome: CacheOutcome | undefined;
  /** `'l1'` for hits in the L1 of this process. */
  readonly tier?: "l1" | undefined;
  /** How long it waited for others, in milliseconds, if it did. */
  readonly waited: number | undefined;
  /** What it failed with. */
  readonly error: unknown;
  /** How many calls have ended so. */
  readonly calls: number;
}

/** How something has ended that takes time. */
export interface TimedEnd {
  /** How long it took, in milliseconds. */
  readonly took: number;
  /** What it failed with; undefined if it didn't. */
  readonly error: unknown;
}

/** How an operation has ended. */
export interface OperationEnd extends TimedEnd {
  /** The operation. */
  readonly operation: AdapterOperation;
}

/** What is counted beside calls and fetches. */
export type ObservedEvent = "refreshes" | "takeovers" | "refusedFills" | "lostLeases";
