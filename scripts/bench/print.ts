import { formatRatio, type Goal } from "./goals.ts";
import type { Comparison, FailingHerd, Herd, Lateness, Measured } from "./measured.ts";

/** Prints what a part measured. */
export function print({ comparisons, herds, failing, lateness }: Measured): void {
  comparisons?.forEach(printComparison);
  if (herds?.length) printHerds(herds);
  if (failing?.length) printFailing(failing);
  lateness?.forEach(printLateness);
}

function printComparison({ title, timings }: Comparison): void {
  const width = Math.max(...timings.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, median, ratio } of timings) {
    console.log(
      `  ${name.padEnd(width)}  ${formatNanos(median).padStart(10)}  ${
        formatRatio(ratio).padStart(8)
      }`,
    );
  }
}

function printHerds(herds: readonly Herd[]): void {
  const width = Math.max(...herds.map(({ name }) => name.length));
  console.log("\nA herd of a cold key: fetches, what the backend was sent, and the slowest caller");
  for (const { name, processes, callers, fetch, fetches, sent, slowest } of herds) {
    console.log(
      `  ${name.padEnd(width)}  ${processes} × ${callers} callers, a fetch of ${fetch} ms: ` +
        `${fetches} fetches, ${sent} sent, ${slowest.toFixed(0)} ms`,
    );
  }
}

function printFailing(failing: readonly FailingHerd[]): void {
  const width = Math.max(...failing.map(({ name }) => name.length));
  console.log("\nThe same with a source that is down");
  for (const { name, processes, callers, fetches, failed, slowest } of failing) {
    console.log(
      `  ${name.padEnd(width)}  ${processes} × ${callers} callers: ${fetches} fetches, ` +
        `${failed} callers without a value, ${slowest.toFixed(0)} ms`,
    );
  }
}

function printLateness({ backend, how, median, p99 }: Lateness): void {
  console.log(
    `  ${backend}: by ${how}, followers have the value ${median.toFixed(1)} ms after the fetch ` +
      `(p99 ${p99.toFixed(1)} ms)`,
  );
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

/** Nanoseconds as people read them. */
export function formatNanos(nanos: number): string {
  if (nanos < 1e3) return `${nanos.toFixed(0)} ns`;
  if (nanos < 1e6) return `${(nanos / 1e3).toFixed(2)} µs`;
  return `${(nanos / 1e6).toFixed(1)} ms`;
}
