import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cache } from "../project.ts";
import { machine } from "./machine.ts";
import type { Measured } from "./measured.ts";
import type { Runtime } from "./runtime.ts";

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

/** What the last runs of a part measured, on each runtime or on the one of this name. */
export function recall(part: string, runtime = "*"): Kept[] {
  const files = globSync(fileOf(part, runtime)).sort();
  return files.map((file) => JSON.parse(readFileSync(file, "utf8")));
}

function fileOf(part: string, runtime: string): string {
  return `${folder}${part} on ${runtime}.json`;
}
