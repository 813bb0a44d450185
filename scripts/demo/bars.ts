import { round, text } from "../charts/drawing.ts";
import { type Herd, running } from "./herd.ts";
import { formatMillis, type Mark, rowsOf, type Segment, ticks } from "./rows.ts";

/** How high the bars of a herd are together. */
export const BARS = 280;
/** How high the load below them is at its peak. */
export const LOAD = 44;
/** What stands below the picture of a herd: its axis. */
export const AXIS = 22;
const ROWS = 56;
/** Between two processes. */
const GAP = 6;

/** The rules for what is drawn of a herd, beside those of all pictures. */
export const herdStyle = `  .band { fill: #59636e; opacity: 0.07 }
  .waiting { fill: #a8cdf4 } .fetching { fill: #ee6c1b } .falling-back { fill: #8f6ad8 }
  .value { fill: #1f9d55 } .failed { stroke: #cf222e } .cancelled { stroke: #59636e }
  .failed, .cancelled { stroke-width: 2; fill: none } .load { fill: #ee6c1b; opacity: 0.85 }
  @media (prefers-color-scheme: dark) {
    .band { fill: #9198a1 }
    .waiting { fill: #2f5f96 } .fetching, .load { fill: #f0883e } .falling-back { fill: #a98eea }
    .value { fill: #3fb950 } .failed { stroke: #f85149 } .cancelled { stroke: #9198a1 }
  }
`;

/** Where a herd is drawn, and to which scales. */
export interface Place {
  readonly x: number;
  readonly top: number;
  readonly width: number;
  /** The time at its right end, in milliseconds. */
  readonly last: number;
  /** The most fetches at one time that there is room for. */
  readonly peak: number;
}

/** Draws what each caller does over time, process by process, and how many fetches run. */
export function drawHerd(herd: Herd, { x, top, width, last, peak }: Place): string {
  const at = (time: number) => round(x + (time / last) * width);
  const base = top + BARS + 14 + LOAD;
  return [
    ...ticks(last).flatMap((tick) => [
      `<path class="grid" d="M${at(tick)} ${top - 4}V${base}"/>`,
      text(at(tick), base + 16, tick === 0 ? "0" : formatMillis(tick), "small", "middle"),
    ]),
    bars(herd, at, { x, top, width }),
    loadOf(herd, at, base, peak),
  ].join("\n");
}

function bars(
  herd: Herd,
  at: (time: number) => number,
  place: Pick<Place, "x" | "top" | "width">,
): string {
  const rows = rowsOf(herd, ROWS);
  const processes = [...Map.groupBy(rows, ({ process }) => process).values()];
  const pitch = (BARS - GAP * (processes.length - 1)) / rows.length;
  const height = round(Math.min(pitch * 0.66, 10));
  let { top } = place;
  return processes.flatMap((rows, process) => {
    const [begins, ends] = [top, top + rows.length * pitch];
    top = ends + GAP;
    return [
      ...processes.length === 1 ? [] : [bandOf(process + 1, place, begins, ends)],
      ...rows.map(({ segments, marks }, index) => {
        const y = round(begins + index * pitch + (pitch - height) / 2);
        return [
          ...segments.map((segment) => segmentOf(segment, at, y, height)),
          ...marks.map((mark) => markOf(mark, at, y + height / 2, Math.min(height * 0.62, 4.5))),
        ].join("");
      }),
    ];
  }).join("\n");
}

/** The place of one process, with its number at its side. */
function bandOf(
  process: number,
  { x, width }: Pick<Place, "x" | "width">,
  begins: number,
  ends: number,
): string {
  const name = ends - begins < 55 ? String(process) : `process ${process}`;
  const middle = round((begins + ends) / 2);
  return `<rect class="band" x="${x}" y="${round(begins)}" width="${width}" height="${
    round(ends - begins)
  }"/><g transform="translate(${x - 9} ${middle}) rotate(-90)">${
    text(0, 4, name, "small", "middle")
  }</g>`;
}

function segmentOf(
  { start, end, doing }: Segment,
  at: (time: number) => number,
  y: number,
  height: number,
): string {
  const width = round(at(end) - at(start));
  if (width < 1) return "";
  const thin = doing === "waiting" ? height * 0.5 : height;
  return `<rect class="${doing.replace(" ", "-")}" x="${at(start)}" y="${
    round(y + (height - thin) / 2)
  }" width="${width}" height="${round(thin)}" rx="1"/>`;
}

function markOf(
  { time, kind }: Mark,
  at: (time: number) => number,
  y: number,
  radius: number,
): string {
  const [x, r] = [at(time), round(radius)];
  return kind === "value"
    ? `<circle class="value" cx="${x}" cy="${round(y)}" r="${r}"/>`
    : `<path class="${kind}" d="M${x - 4} ${round(y - 4)}l8 8m0-8l-8 8"/>`;
}

/** How many fetches run at once, over time. */
function loadOf(herd: Herd, at: (time: number) => number, base: number, peak: number): string {
  const steps = running(herd).map(({ time, count }) =>
    `H${at(time)}V${round(base - (count / peak) * LOAD)}`
  );
  return `<path class="load" d="M${at(0)} ${base}${steps.join("")}V${base}Z"/>`;
}
