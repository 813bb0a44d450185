import { figuresOf, writeFigures } from "../figures.ts";
import { table } from "../table.ts";
import { faultyBackends } from "./backend.ts";
import type { Extent, Outcome } from "./run.ts";
import type { SourceExtent, SourceOutcome } from "./source.ts";

const page = "docs/faults.md";

/** What became of a backend, and which it was. */
export interface ReportedOutcome extends Outcome {
  readonly backend: string;
  /** What its server says that it is. */
  readonly version: string;
  readonly source: SourceOutcome;
}

/** Writes the figures to docs/faults.md; those of other backends stay. */
export async function writeReport(
  outcomes: readonly ReportedOutcome[],
  extent: Extent,
  sourceExtent: SourceExtent,
): Promise<void> {
  const rowsOf = (name: string, rowOf: (outcome: ReportedOutcome) => string[]) => {
    const before = figuresOf(page, name);
    return faultyBackends.flatMap(({ description: { backend } }) => {
      const outcome = outcomes.find((outcome) => outcome.backend === backend);
      if (outcome !== undefined) return [rowOf(outcome)];
      const known = before.split("\n").find((line) => line.startsWith(`| ${backend} `));
      return known === undefined ? [] : [known.split("|").slice(1, -1).map((cell) => cell.trim())];
    });
  };
  const { processes, down, load: { callers, every } } = sourceExtent;
  const told = `With ${processes} processes, ${
    rateOf(processes, callers, every)
  } calls a second, and ${down / 1000} s without the source:`;
  await writeFigures(page, {
    "figures": `${sentence(extent)}\n\n${table(head, rowsOf("figures", row))}`,
    "figures of the source": `${told}\n\n${
      table(sourceHead, rowsOf("figures of the source", sourceRow))
    }`,
  });
}

const sourceHead = [
  "backend",
  "calls",
  "without a value",
  "with a stale value",
  "the source was asked",
  "slowest call",
  "promises broken",
];

function sourceRow({ backend, source }: ReportedOutcome): string[] {
  const { calls, failed, stale, asked, slowest, broken } = source;
  return [
    backend,
    ...[calls, failed, stale, asked].map((figure) => figure.toLocaleString("en")),
    `${(slowest / 1000).toFixed(1)} s`,
    String(broken.length),
  ];
}

function rateOf(processes: number, callers: number, every: number): number {
  return Math.round(processes * callers * 1000 / every);
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
  return `With ${processes} processes, ${rateOf(processes, callers, every)} calls a second, and ${
    fault / 1000
  } s of each fault:`;
}
