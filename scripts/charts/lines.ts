import { MARGIN, picture, round, text, type Tone, WIDTH } from "./drawing.ts";

/** One line. */
export interface Line {
  readonly name: string;
  readonly tone: Tone;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean | undefined;
}

/** A logarithmic axis: the values that are written at it, from the first to the last that it shows. */
export interface Axis {
  readonly name: string;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

/** Lines over the same axes. */
export interface LinePanel {
  readonly name: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const TOP = 92;
const HEIGHT = 250;
const SCALE = 52;
const LABELS = 146;
const GAP = 24;
/** How high a label is. */
const LABEL = 14;

/** Draws panels of lines side by side. */
export function drawLines(title: string, panels: readonly LinePanel[]): string {
  const width = (WIDTH - 2 * MARGIN - (panels.length - 1) * GAP) / panels.length;
  return picture(
    { title, height: TOP + HEIGHT + 58 },
    panels.flatMap((panel, index) => panelAt(panel, MARGIN + index * (width + GAP), width)),
  );
}

function panelAt({ name, x, y, lines }: LinePanel, left: number, width: number): string[] {
  const from = left + SCALE;
  const to = left + width - LABELS;
  const base = TOP + HEIGHT;
  const across = (value: number) => round(from + portion(x, value) * (to - from));
  const up = (value: number) => round(base - portion(y, value) * HEIGHT);
  const ends = lines.map(({ points }) => up(points.at(-1)![1]));
  const labels = spread(ends, base);
  return [
    text(left, 70, name, "strong"),
    ...y.ticks.flatMap((tick) => [
      `<path class="grid" d="M${from} ${up(tick)}H${to}"/>`,
      text(from - 8, up(tick) + 4, y.format(tick), "small", "end"),
    ]),
    ...x.ticks.map((tick) => text(across(tick), base + 18, x.format(tick), "small", "middle")),
    text(round((from + to) / 2), base + 38, x.name, "small", "middle"),
    ...lines.map(({ name, tone, points, dashed }, index) => {
      const path = points.map(([x, y]) => `${across(x)} ${up(y)}`).join("L");
      const dots = points.map(([x, y]) =>
        `<circle class="dot" cx="${across(x)}" cy="${up(y)}" r="3"/>`
      );
      return `<g class="${tone}"><path class="line${dashed ? " dashed" : ""}" d="M${path}"/>${
        dashed ? "" : dots.join("")
      }<path class="lead" d="M${to + 5} ${ends[index]}L${to + 14} ${labels[index]}"/>${
        text(
          to + 18,
          round(labels[index]! + 4),
          name,
          tone.startsWith("own") ? "small strong" : "small",
        )
      }</g>`;
    }),
  ];
}

/** How far along an axis a value is, from 0 to 1. */
function portion({ ticks }: Axis, value: number): number {
  const [first, last] = [ticks[0]!, ticks.at(-1)!];
  return Math.log(Math.max(value, first) / first) / Math.log(last / first);
}

/** The places of labels, moved as far as they need not to lie on each other: down, and up again from the last place. */
function spread(places: readonly number[], last: number): number[] {
  const order = places.map((_, index) => index).sort((a, b) => places[a]! - places[b]!);
  const moved = [...places];
  let [above, below] = [-Infinity, last + LABEL];
  for (const index of order) above = moved[index] = Math.max(places[index]!, above + LABEL);
  for (const index of order.toReversed()) {
    below = moved[index] = Math.min(moved[index]!, below - LABEL);
  }
  return moved.map(round);
}
