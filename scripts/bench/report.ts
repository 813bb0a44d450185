import type { Timing } from "./measure.ts";

/** What the library must reach, and what it reached. */
export interface Goal {
  readonly name: string;
  readonly met: boolean;
  readonly found: string;
}

/** Prints timings as a table under a title. */
export function printTimings(title: string, timings: readonly Timing[]): void {
  const width = Math.max(...timings.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, median, ratio } of timings) {
    console.log(
      `  ${name.padEnd(width)}  ${formatNanos(median).padStart(10)}  ${formatRatio(ratio)}`,
    );
  }
}

/** A goal that a subject is at least `least` times as fast as the reference. */
export function ratioGoal(
  setting: string,
  subject: string,
  timings: readonly Timing[],
  least: number,
): Goal {
  const { ratio } = timings.find(({ name }) => name === subject)!;
  return {
    name: `${setting}: ${subject} at least ${least.toFixed(1)} × ${timings[0]!.name}`,
    met: ratio >= least,
    found: formatRatio(ratio).trim(),
  };
}

/** Prints each goal with what was found; true if all are met. */
export function printGoals(goals: readonly Goal[]): boolean {
  if (goals.length === 0) return true;
  const width = Math.max(...goals.map(({ name }) => name.length));
  console.log("\nGoals");
  for (const { name, met, found } of goals) {
    console.log(`  ${met ? "met   " : "MISSED"}  ${name.padEnd(width)}  ${found}`);
  }
  return goals.every(({ met }) => met);
}

function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)} ×`.padStart(8);
}

function formatNanos(nanos: number): string {
  if (nanos < 1e3) return `${nanos.toFixed(0)} ns`;
  if (nanos < 1e6) return `${(nanos / 1e3).toFixed(2)} µs`;
  return `${(nanos / 1e6).toFixed(1)} ms`;
}
