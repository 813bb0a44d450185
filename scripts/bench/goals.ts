import type { Comparison } from "./measured.ts";

/** What the library must reach, and what it reached. */
export interface Goal {
  readonly name: string;
  readonly met: boolean;
  readonly found: string;
}

/** A goal that a subject is at least `least` times as fast as the reference. */
export function ratioGoal(
  setting: string,
  subject: string,
  { timings }: Comparison,
  least: number,
): Goal {
  const { ratio } = timings.find(({ name }) => name === subject)!;
  return {
    name: `${setting}: ${subject} at least ${least.toFixed(1)} × ${timings[0]!.name}`,
    met: ratio >= least,
    found: formatRatio(ratio),
  };
}

/** How many times as fast. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
