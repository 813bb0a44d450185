import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cache } from "../project.ts";
import type { Goal } from "./goals.ts";
import { machine } from "./machine.ts";
import type { Timing } from "./measure.ts";
import type { Runtime } from "./runtime.ts";

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

/** What one part of the benchmark measured. */
export interface Measured {
  /** The servers that it ran against: `Redis 7.0.15`. */
  readonly servers?: readonly string[];
  readonly comparisons?: readonly Comparison[];
  readonly herds?: readonly Herd[];
  /** Herds whose source is down. */
  readonly failing?: readonly Herd[];
  readonly goals?: readonly Goal[];
}

/** A part as it was kept. */
export interface Kept extends Measured {
  /** When it was measured: `2026-11-25`. */
  readonly date: string;
  /** On what: the machine, and what ran it. */
  readonly machine: string;
  /** What ran it: `Node 20.20.2, Effect 4`. */
  readonly runtime: string;
  /** The commit of the build before. */
  readonly before?: string | undefined;
}

const folder = `${cache}bench/kept/`;

/** Keeps what a part measured on a runtime, for the report. */
export function keep(part: string, runtime: Runtime, measured: Measured): void {
  mkdirSync(folder, { recursive: true });
  const kept: Kept = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${machine()}, ${runtime.name}`,
    runtime: runtime.name,
    before: "commit" in runtime.before ? runtime.before.commit : undefined,
    ...measured,
  };
  writeFileSync(fileOf(part, runtime.name), JSON.stringify(kept, null, 2));
}

/** What the last runs of a part measured, on each runtime or on the one of this name. Throws if there was none. */
export function recall(part: string, runtime = "*"): Kept[] {
  const files = globSync(fileOf(part, runtime)).sort();
  if (files.length === 0) {
    throw new Error(`Cannot report "${part}": measure it first, by "deno task bench ${part}"`);
  }
  return files.map((file) => JSON.parse(readFileSync(file, "utf8")));
}

function fileOf(part: string, runtime: string): string {
  return `${folder}${part} on ${runtime}.json`;
}
