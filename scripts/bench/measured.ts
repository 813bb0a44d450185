import type { Timing } from "./measure.ts";

/** What the library must reach, and what it reached. */
export interface Goal {
  readonly name: string;
  readonly met: boolean;
  readonly found: string;
}

/** Nanoseconds a call, milliseconds, or bytes. */
export type Unit = "ns" | "ms" | "bytes";

/** Subjects that were measured side by side. */
export interface Comparison {
  readonly title: string;
  /** Nanoseconds a call by default. */
  readonly unit?: Unit;
  readonly timings: readonly Timing[];
}

/** A herd of one cold key: the medians of its rounds. */
export interface Herd {
  readonly name: string;
  readonly processes: number;
  /** In each process. */
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  readonly fetches: number;
  /** What the backend was sent: commands of Redis, operations of a store. */
  readonly sent: number;
  /** How long the slowest caller took, in milliseconds. */
  readonly slowest: number;
  /** How many callers had no value. */
  readonly failed: number;
}

/** A hot key under steady load. */
export interface Steady {
  readonly name: string;
  readonly processes: number;
  /** How many calls a second each of them makes. */
  readonly rate: number;
  /** How long a fetch takes, and for how long was measured, in milliseconds. */
  readonly fetch: number;
  readonly millis: number;
  readonly calls: number;
  /** How many callers had no value. */
  readonly failed: number;
  readonly fetches: number;
  /** How many commands Redis was sent. */
  readonly sent: number;
  /** How long calls took, in milliseconds. */
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
}

/** Leaders that are killed, over one backend by one client. */
export interface Takeovers {
  readonly server: string;
  readonly client: string;
  readonly processes: number;
  /** In each process. */
  readonly callers: number;
  /** For how long a lease lives, and its leader has led when it is killed, in milliseconds. */
  readonly lease: number;
  readonly led: number;
  readonly rounds: number;
  /** In how many rounds exactly one caller took over, and all others had its value. */
  readonly single: number;
  /** How long after the kill the takeover began, in milliseconds. */
  readonly median: number;
  readonly longest: number;
  /** The rounds in which the lease's end decided, likewise: nobody is told of a dead leader. */
  readonly unannounced: { readonly rounds: number; readonly median: number };
}

/** Processes whose source is down all the time, and which share its failures. */
export interface SharedFailures extends Down {
  readonly backend: string;
  readonly processes: number;
  /** How many calls a second each of them makes. */
  readonly rate: number;
  /** For how long, and for how long a failure is shared at first, in milliseconds. */
  readonly millis: number;
  readonly ttl: number;
  /** How many fetches there may be: one per backoff. */
  readonly most: number;
  /** The same without `failures`. */
  readonly unshared: Down;
}

/** What became of calls of a source that is down. */
export interface Down {
  readonly calls: number;
  /** How many callers had the source's own error. */
  readonly told: number;
  readonly fetches: number;
  /** How long it took until the last call was over, in milliseconds. */
  readonly took: number;
}

/** A backend whose changes are told of. */
export type L1Backend = "redis" | "postgres";

/** How long an old value is still read in the L1 of other processes. */
export interface L1Age {
  readonly backend: L1Backend;
  readonly processes: number;
  readonly keys: number;
  /** How many reads a second each of them makes, and the time between two writes, by one of them, in milliseconds. */
  readonly rate: number;
  readonly every: number;
  /** For how long the L1 keeps an entry, and for how long was measured, in milliseconds. */
  readonly ttl: number;
  readonly millis: number;
  readonly reads: number;
  /** How many of them hit in L1, and how many failed. */
  readonly hits: number;
  readonly failed: number;
  /** How many commands or statements the server was sent for 1,000 reads. */
  readonly sent: number;
  readonly writes: number;
  /** For how long the old value was read, in milliseconds, of all writes and other processes. */
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
  /** The same without an L1: as many reads as the server had answers for. */
  readonly without: { readonly reads: number; readonly sent: number };
}

/** What one part of the benchmark measured. */
export interface Measured {
  /** The servers that it ran against: `Redis 7.0.15`. */
  readonly servers?: readonly string[];
  readonly comparisons?: readonly Comparison[];
  readonly herds?: readonly Herd[];
  /** Herds whose source is down. */
  readonly failing?: readonly Herd[];
  readonly steady?: readonly Steady[];
  readonly takeovers?: readonly Takeovers[];
  readonly failures?: readonly SharedFailures[];
  readonly l1?: readonly L1Age[];
  readonly goals?: readonly Goal[];
}
