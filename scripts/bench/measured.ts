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

/** What one part of the benchmark measured. */
export interface Measured {
  /** The servers that it ran against: `Redis 7.0.15`. */
  readonly servers?: readonly string[];
  readonly comparisons?: readonly Comparison[];
  readonly herds?: readonly Herd[];
  /** Herds whose source is down. */
  readonly failing?: readonly Herd[];
  readonly steady?: readonly Steady[];
  readonly goals?: readonly Goal[];
}
