import { figuresOf, writeFigures } from "../figures.ts";
import { table } from "../table.ts";
import { faultyBackends } from "./backend.ts";
import type { Extent, Outcome } from "./run.ts";

const page = "docs/faults.md";

/** What became of a backend, and which it was. */
export interface ReportedOutcome extends Outcome {
  readonly backend: string;
  /** What its server says that it is. */
  readonly version: string;
}

/** Writes the figures to docs/faults.md; those of other backends stay. */
export async function writeReport(
  outcomes: readonly ReportedOutcome[],
  extent: Extent,
): Promise<void> {
  const before = figuresOf(page, "figures");
  const rows = faultyBackends.flatMap(({ description: { backend } }) => {
    const outcome = outcomes.find((outcome) => outcome.backend === backend);
    if (outcome !== undefined) return [row(outcome)];
    const known = before.split("\n").find((line) => line.startsWith(`| ${backend} `));
    return known === undefined ? [] : [known.split("|").slice(1, -1).map((cell) => cell.trim())];
  });
  await writeFigures(page, { figures: `${sentence(extent)}\n\n${table(head, rows)}` });
}

const head = [
  "backend",
  "server",
  "calls",
  "without a value",
  "fetches",
  "of these without a lease",
  "most of an untouched key",
  "most of any key",
  "at once in a process",
  "slowest call",
  "well again after",
  "leases left",
  "promises broken",
];

function row({ backend, version, figures, broken, leftovers }: ReportedOutcome): string[] {
  const { calls, failed, fetches, alone, mostUntouched, most, mostAtOnce, slowest, back } = figures;
  return [
    backend,
    version,
    ...[calls, failed, fetches, alone, mostUntouched, most, mostAtOnce].map((figure) =>
      figure.toLocaleString("en")
    ),
    `${(slowest / 1000).toFixed(1)} s`,
    `${(Math.max(...back) / 1000).toFixed(1)} s`,
    String(leftovers.length),
    String(broken.length),
  ];
}

function sentence({ processes, fault, load: { callers, every } }: Extent): string {
  const rate = Math.round(processes * callers * 1000 / every);
  return `With ${processes} processes, ${rate} calls a second, and ${
    fault / 1000
  } s of each fault:`;
}
