import type { EffectMajor } from "../project.ts";
import type { Timing } from "./measure.ts";
import type { Comparison, Goal, Unit } from "./measured.ts";
import type { Own } from "./rows.ts";

/** The goals of this library in a row. With Effect 3 these are halves of the gains alone. */
export function goalsOf(
  { title, timings, unit }: Comparison,
  { atLeast, atMost, limit, gain }: Omit<Own, "peer">,
  { timing: { name, median, ratio, gain: gained }, effect }: {
    timing: Timing;
    effect: EffectMajor;
  },
): Goal[] {
  const first = timings[0]!.name;
  const goals: Goal[] = [];
  const add = (told: string, met: boolean, found: string) =>
    goals.push({ name: `${title}: ${name} ${told}`, met, found });
  if (effect === 4) {
    if (atLeast) add(`≥ ${formatRatio(atLeast)} ${first}`, ratio >= atLeast, formatRatio(ratio));
    if (atMost) {
      add(`≤ ${formatRatio(atMost)} ${first}`, 1 / ratio <= atMost, formatRatio(1 / ratio));
    }
    if (limit) add(`≤ ${formatCost(limit, unit)}`, median <= limit, formatCost(median, unit));
  }
  // What is no slower with Effect 4 may be no slower with Effect 3.
  const least = gain && gain > 1 && effect === 3 ? gain / 2 : gain;
  if (least && gained) {
    add(`≥ ${formatRatio(least)} the build before`, gained >= least, formatRatio(gained));
  }
  return goals;
}

/** How many times as fast. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** A cost as people read it. */
export function formatCost(cost: number, unit: Unit = "ns"): string {
  if (unit === "bytes") return `${Math.round(cost).toLocaleString("en-US")} bytes`;
  if (unit === "ms") return `${cost.toFixed(1)} ms`;
  if (cost < 1e3) return `${cost.toFixed(0)} ns`;
  if (cost < 1e6) return `${(cost / 1e3).toFixed(2)} µs`;
  return `${(cost / 1e6).toFixed(1)} ms`;
}
