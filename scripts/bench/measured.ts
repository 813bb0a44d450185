import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cache } from "../project.ts";
import type { Goal } from "./goals.ts";
import { machine } from "./machine.ts";
import type { Timing } from "./measure.ts";

/** Subjects that were timed side by side. */
export interface Comparison {
  readonly title: string;
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
}

/** A herd whose source is down. */
export interface FailingHerd extends Herd {
  /** How many callers had no value. */
  readonly failed: number;
}

/** How long after the end of the leader's fetch a follower in another client has the value, in milliseconds. */
export interface Lateness {
  readonly backend: string;
  readonly how: "push" | "polling";
  readonly median: number;
  readonly p99: number;
}

/** What one part of the benchmark measured. */
export interface Measured {
  /** The servers that it ran against: `Redis 7.0.15`. */
  readonly servers?: readonly string[];
  readonly comparisons?: readonly Comparison[];
  readonly herds?: readonly Herd[];
  readonly failing?: readonly FailingHerd[];
  readonly lateness?: readonly Lateness[];
  readonly goals?: readonly Goal[];
}

/** A part as it was kept. */
export interface Kept extends Measured {
  /** When it was measured: `2026-11-25`. */
  readonly date: string;
  /** On what. */
  readonly machine: string;
}

const folder = `${cache}bench/`;

/** Keeps what a part measured, for the report. */
export function keep(part: string, measured: Measured): void {
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  const kept: Kept = { date, machine: machine(), ...measured };
  writeFileSync(`${folder}${part}.json`, JSON.stringify(kept, null, 2));
}

/** What the last run of a part measured. Throws if there was none. */
export function recall(part: string): Kept {
  try {
    return JSON.parse(readFileSync(`${folder}${part}.json`, "utf8"));
  } catch (cause) {
    throw new Error(`Cannot report "${part}": measure it first, by "deno task bench ${part}"`, {
      cause,
    });
  }
}
