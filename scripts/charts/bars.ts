import { MARGIN, picture, round, text, type Tone, WIDTH } from "./drawing.ts";

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  /** What is written beside it. */
  readonly told: string;
  readonly tone: Tone;
  /** Where a thin line goes on to: the 99th percentile of what `value` is the median of. */
  readonly until?: number | undefined;
}

/** Bars that are compared with each other. */
export interface BarPanel {
  readonly name: string;
  readonly bars: readonly Bar[];
}

const PITCH = 24;
const BAR = 14;
const NAMES = 210;
const TOLD = 165;
const HEAD = 44;

/** Draws panels of bars, one below the other, each to a scale of its own. */
export function drawBars(title: string, panels: readonly BarPanel[]): string {
  let y = 56;
  const drawn = panels.flatMap(({ name, bars }) => {
    const top = y + HEAD - 14;
    y += HEAD + bars.length * PITCH;
    return [text(MARGIN, top - 10, name, "strong"), ...rowsOf(bars, top)];
  });
  return picture({ title, height: y + 4 }, drawn);
}

function rowsOf(bars: readonly Bar[], top: number): string[] {
  const left = MARGIN + NAMES;
  const room = WIDTH - MARGIN - TOLD - left;
  const most = Math.max(...bars.map(({ value, until = 0 }) => Math.max(value, until)));
  const at = (value: number) => round((value / most) * room);
  return bars.map(({ name, value, told, tone, until }, index) => {
    const y = top + index * PITCH;
    const middle = y + BAR / 2;
    const end = left + at(Math.max(value, until ?? 0)) + 8;
    return [
      text(left - 10, middle + 4.5, name, tone.startsWith("own") ? "strong" : "", "end"),
      `<g class="${tone}"><rect class="bar" x="${left}" y="${y}" width="${
        Math.max(at(value), 2)
      }" height="${BAR}" rx="2"/>`,
      until === undefined
        ? ""
        : `<path class="whisker" d="M${left + at(value)} ${middle}H${left + at(until)}m0 -4v8"/>`,
      "</g>",
      text(round(end), middle + 4.5, told, tone.startsWith("own") ? "strong" : ""),
    ].join("");
  });
}
