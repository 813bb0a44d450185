import type { Flags } from "./flags.ts";
import {
  type Herd,
  type Herds,
  lastOf,
  type Outcome,
  running,
  summarize,
  type Summary,
} from "./herd.ts";
import {
  formatMillis,
  headline,
  type Mark,
  type Row,
  rowsOf,
  type Segment,
  ticks,
} from "./rows.ts";

const LABEL = 5;
const CHART = 36;
const ROWS = 20;

type Sort = Segment["doing"] | Mark["kind"];

interface Ink {
  readonly glyph: string;
  readonly plain: string;
  readonly color: string;
}

const inks: Readonly<Record<Sort, Ink>> = {
  waiting: { glyph: "─", plain: "-", color: "38;5;75" },
  fetching: { glyph: "█", plain: "#", color: "38;5;208" },
  "falling back": { glyph: "█", plain: "%", color: "38;5;140" },
  value: { glyph: "●", plain: "o", color: "38;5;71" },
  failed: { glyph: "✗", plain: "x", color: "1;38;5;203" },
  cancelled: { glyph: "✗", plain: "/", color: "1;38;5;246" },
};

const load = { glyphs: " ▁▂▃▄▅▆▇█", plain: " .:-=+*#%" };

/** Draws the herds side by side for a terminal of 80 columns; without colours in plain ASCII. */
export function drawTerminal(herds: Herds, flags: Flags, colors: boolean): string {
  const last = lastOf(herds);
  const bold = (text: string) => colors ? `\x1b[1m${text}\x1b[0m` : text;
  const draw = (sort: Sort) => {
    const { glyph, plain, color } = inks[sort];
    return colors ? `\x1b[${color}m${glyph}\x1b[0m` : plain;
  };
  const beside = (label: string | number, left: string, right: string) =>
    `${String(label).padStart(LABEL)} ${left}  ${right}`;

  const both = [herds.unprotected, herds.protected] as const;
  const [without, protectedOnes] = both.map(summarize) as [Summary, Summary];
  const [left, right] = both.map((herd) => rowsOf(herd, ROWS)) as [Row[], Row[]];
  const peak = Math.max(without.peak, protectedOnes.peak);
  const bars = right.map((row, index) =>
    beside(labelOf(row, flags), bar(left[index]!, last, draw), bar(row, last, draw))
  );
  const [strip, otherStrip] = both.map((herd) => stripOf(herd, last, peak, colors));

  return [
    "",
    bold(headline(flags)),
    "",
    beside(
      "",
      bold(`without: ${fetches(without.fetches)}`.padEnd(CHART)),
      bold(`with cache-locking: ${fetches(protectedOnes.fetches)}`),
    ),
    ...bars,
    beside("load", strip!, otherStrip!),
    beside("", axis(last), axis(last).trimEnd()),
    "",
    ...legend(protectedOnes.outcomes, draw),
    "",
    ...table(without, protectedOnes),
  ].join("\n");
}

/** The number of the caller, or of the process where its callers begin. */
function labelOf({ first, process }: Row, { processes }: Flags): string | number {
  return processes === 1 ? first : first === 1 ? `p${process + 1}` : "";
}

function column(time: number, last: number): number {
  return Math.min(CHART - 1, Math.floor((time / last) * CHART));
}

function bar({ segments, marks }: Row, last: number, draw: (sort: Sort) => string): string {
  const cells: (Sort | undefined)[] = Array(CHART).fill(undefined);
  for (const { time, kind } of marks) {
    const cell = column(time, last);
    if (kind !== "value" || cells[cell] === undefined) cells[cell] = kind;
  }
  for (const { start, end, doing } of segments) {
    for (let cell = column(start, last); cell < column(end, last); cell++) {
      const there = cells[cell];
      if (there !== "failed" && there !== "cancelled") cells[cell] = doing;
    }
  }
  return cells.map((sort) => sort === undefined ? " " : draw(sort)).join("");
}

/** How many fetches run at once, as heights up to `peak`. */
function stripOf(herd: Herd, last: number, peak: number, colors: boolean): string {
  const most: number[] = Array(CHART).fill(0);
  const changes = running(herd);
  changes.forEach(({ time, count }, index) => {
    const until = column(changes[index + 1]?.time ?? time, last);
    for (let cell = column(time, last); cell < until; cell++) {
      most[cell] = Math.max(most[cell]!, count);
    }
  });
  const glyphs = colors ? load.glyphs : load.plain;
  const strip = most.map((count) => glyphs[Math.ceil((count / peak) * 8)]).join("");
  return colors ? `\x1b[${inks.fetching.color}m${strip}\x1b[0m` : strip;
}

function axis(last: number): string {
  let line = "";
  for (const tick of ticks(last * 1.3)) {
    const text = tick === 0 ? "0" : formatMillis(tick);
    const at = column(tick, last);
    if (tick < last && at + text.length <= CHART) line = `${line.padEnd(at)}${text}`;
  }
  return line.padEnd(CHART);
}

function legend(outcomes: Summary["outcomes"], draw: (sort: Sort) => string): string[] {
  const bars: readonly (readonly [Outcome, readonly Sort[], string])[] = [
    ["MISS-LEADER", ["fetching", "fetching", "value"], "led: fetched for all"],
    ["MISS-FOLLOWER-HIT", ["waiting", "waiting", "value"], "waited, and got the leader's value"],
    [
      "MISS-FOLLOWER-FALLBACK",
      ["waiting", "falling back", "value"],
      "waited too long, and fetched",
    ],
    ["STALE", ["value"], "had the stale value at once"],
    ["HIT", ["value"], "found the entry"],
    ["FAILED", ["fetching", "failed"], "got an error"],
    ["CANCELLED", ["fetching", "cancelled"], "left; the others have its fetch"],
  ];
  return bars.flatMap(([outcome, sorts, meaning]) => {
    const count = outcomes.get(outcome);
    if (count === undefined) return [];
    const sample = " ".repeat(3 - sorts.length) + sorts.map(draw).join("");
    return `  ${sample}  ${outcome.padEnd(22)} ${String(count).padStart(5)}  ${meaning}`;
  });
}

function table(without: Summary, withIt: Summary): string[] {
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  const saved = without.sourceSeconds - withIt.sourceSeconds;
  const line = (name: string, left: string, right: string) =>
    `  ${name.padEnd(16)}${left.padStart(12)}${right.padStart(22)}`;
  return [
    line("", "without", "with cache-locking"),
    line("fetches", `${without.fetches}`, `${withIt.fetches}`),
    line("at one time", `${without.peak}`, `${withIt.peak}`),
    line("p50", formatMillis(without.p50), formatMillis(withIt.p50)),
    line("p99", formatMillis(without.p99), formatMillis(withIt.p99)),
    line("source busy", seconds(without.sourceSeconds), seconds(withIt.sourceSeconds)),
    "",
    `  The source was spared ${saved.toFixed(1)} seconds of work.`,
  ];
}

function fetches(count: number): string {
  return count === 1 ? "1 fetch" : `${count} fetches`;
}
