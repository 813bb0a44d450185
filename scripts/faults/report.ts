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
  const rowsOf = (name: string, rowOf: (outcome: ReportedOutcome) => string[] | undefined) => {
    const before = figuresOf(page, name);
    return faultyBackends.flatMap(({ description: { backend } }) => {
      const outcome = outcomes.find((outcome) => outcome.backend === backend);
      const row = outcome && rowOf(outcome);
      if (row !== undefined) return [row];
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
    "figures of long fetches": `${longSentence(extent)}\n\n${
      table(longHead, rowsOf("figures of long fetches", longRow))
    }`,
    "figures of L1": `${l1Sentence(extent)}\n\n${table(l1Head, rowsOf("figures of L1", l1Row))}`,
    "figures of the source": `${told}\n\n${
      table(sourceHead, rowsOf("figures of the source", sourceRow))
    }`,
  });
}

const l1Head = [
  "backend",
  "calls",
  "without a value",
  "hits in L1",
  "changes",
  "the oldest value, after it was replaced",
  "the oldest allowed",
];

function l1Row({ backend, l1 }: ReportedOutcome): string[] | undefined {
  if (l1 === undefined) return undefined;
  const { calls, failed, hits, changes, oldest, hides } = l1;
  return [
    backend,
    ...[calls, failed, hits, changes].map((figure) => figure.toLocaleString("en")),
    ...[oldest, hides].map((millis) => `${(millis / 1000).toFixed(1)} s`),
  ];
}

function l1Sentence({ processes, kept: { callers, every, sets = 0, deletes } }: Extent): string {
  const changes = processes * (sets + deletes) * 1000 / every;
  return `With an L1, ${rateOf(processes, callers, every)} calls and ${
    changes.toFixed(1)
  } changes a second beside these:`;
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

const longHead = [
  "backend",
  "calls",
  "without an answer",
  "failed with the source",
  "of these with another process's fetch",
  "fetches",
  "of these without a lease",
  "leaders killed",
  "replaced before their lease's end",
  "replaced after, the median",
  "leaders cut off and replaced",
  "slowest call",
];

function longRow({ backend, long }: ReportedOutcome): string[] {
  const { calls, failed, own, shared, fetches, alone, killed, takeovers, cutOff } = long;
  const replaced = [...long.replaced].sort((a, b) => a - b);
  const median = replaced[Math.floor(replaced.length / 2)] ?? NaN;
  return [
    backend,
    ...[calls, failed, own + shared, shared, fetches, alone, killed, takeovers].map((figure) =>
      figure.toLocaleString("en")
    ),
    `${(median / 1000).toFixed(1)} s`,
    String(cutOff),
    `${(long.slowest / 1000).toFixed(1)} s`,
  ];
}

function longSentence({ processes, long: { callers, every }, kills }: Extent): string {
  return `Of long fetches, with ${
    rateOf(processes, callers, every)
  } calls a second, and ${kills.length} processes killed:`;
}

function sentence({ processes, fault, load: { callers, every } }: Extent): string {
  return `With ${processes} processes, ${rateOf(processes, callers, every)} calls a second, and ${
    fault / 1000
  } s of each fault:`;
}
