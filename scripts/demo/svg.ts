import { MARGIN, picture, round, text, WIDTH } from "../charts/drawing.ts";
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
import { formatMillis, headline, type Mark, rowsOf, type Segment, ticks } from "./rows.ts";

const PANEL = 356;
const TOP = 138;
const BARS = 280;
const LOAD = 44;
const HEIGHT = TOP + BARS + LOAD + 96;
const ROWS = 56;
/** Between two processes. */
const GAP = 6;

const style = `  .big { font-size: 34px; font-weight: 700; fill: currentColor }
  .band { fill: #59636e; opacity: 0.07 }
  .waiting { fill: #a8cdf4 } .fetching { fill: #ee6c1b } .falling-back { fill: #8f6ad8 }
  .value { fill: #1f9d55 } .failed { stroke: #cf222e } .cancelled { stroke: #59636e }
  .failed, .cancelled { stroke-width: 2; fill: none } .load { fill: #ee6c1b; opacity: 0.85 }
  @media (prefers-color-scheme: dark) {
    .band { fill: #9198a1 }
    .waiting { fill: #2f5f96 } .fetching, .load { fill: #f0883e } .falling-back { fill: #a98eea }
    .value { fill: #3fb950 } .failed { stroke: #f85149 } .cancelled { stroke: #9198a1 }
  }
`;

/** Draws the herds side by side as a picture of their own, for light pages and dark ones. */
export function drawSvg(herds: Herds, flags: Flags): string {
  const last = lastOf(herds) * 1.02;
  const [without, withIt] = [summarize(herds.unprotected), summarize(herds.protected)];
  const peak = Math.max(without.peak, withIt.peak);
  const saved = (without.sourceSeconds - withIt.sourceSeconds).toFixed(1);
  const title = headline(flags);
  const label =
    `${title}: ${without.fetches} fetches without cache-locking, ${withIt.fetches} with it`;
  const end = WIDTH - MARGIN;
  return picture({ title, label, height: HEIGHT, style }, [
    panel(MARGIN, "Without", herds.unprotected, without, "hot", last, peak),
    panel(end - PANEL, "With cache-locking", herds.protected, withIt, "own", last, peak),
    legend(withIt),
    text(end, HEIGHT - 22, `${saved} s of the source’s work saved`, "strong", "end"),
  ]);
}

function panel(
  x: number,
  name: string,
  herd: Herd,
  summary: Summary,
  tone: "hot" | "own",
  last: number,
  peak: number,
): string {
  const { fetches, p50, p99 } = summary;
  const at = (time: number) => round(x + (time / last) * PANEL);
  const base = TOP + BARS + 14 + LOAD;
  const [end, afterNumber] = [x + PANEL, x + 23 * String(fetches).length + 6];
  return [
    text(x, 76, name, "name"),
    text(x, 112, String(fetches), `big ${tone}`),
    text(afterNumber, 112, fetches === 1 ? "fetch" : "fetches", "name"),
    text(end, 94, told(summary), "", "end"),
    text(end, 112, `p50 ${formatMillis(p50)} · p99 ${formatMillis(p99)}`, "", "end"),
    ...ticks(last).flatMap((tick) => [
      `<path class="grid" d="M${at(tick)} ${TOP - 4}V${base}"/>`,
      text(at(tick), base + 16, tick === 0 ? "0" : formatMillis(tick), "small", "middle"),
    ]),
    bars(herd, at, x),
    loadOf(herd, at, base, peak),
    text(end, base - LOAD + 8, `load: ${summary.peak} at once`, "small", "end"),
  ].join("\n");
}

/** How many callers fared how. */
function told({ outcomes }: Summary): string {
  const words: readonly (readonly [Outcome, string])[] = [
    ["MISS", "fetched"],
    ["MISS-LEADER", "led"],
    ["MISS-LEADER-NOCACHE", "led"],
    ["MISS-FOLLOWER-HIT", "waited"],
    ["MISS-FOLLOWER-FALLBACK", "fell back"],
    ["BYPASS", "bypassed"],
    ["FAILED", "failed"],
    ["CANCELLED", "cancelled"],
    ["STALE", "had the stale value"],
    ["HIT", "hit"],
  ];
  return words
    .filter(([outcome]) => outcomes.has(outcome))
    .map(([outcome, word]) => `${outcomes.get(outcome)} ${word}`)
    .join(" · ");
}

function bars(herd: Herd, at: (time: number) => number, x: number): string {
  const rows = rowsOf(herd, ROWS);
  const processes = [...Map.groupBy(rows, ({ process }) => process).values()];
  const pitch = (BARS - GAP * (processes.length - 1)) / rows.length;
  const height = round(Math.min(pitch * 0.66, 10));
  let top = TOP;
  return processes.flatMap((rows, process) => {
    const [begins, ends] = [top, top + rows.length * pitch];
    top = ends + GAP;
    return [
      ...processes.length === 1 ? [] : [bandOf(process + 1, x, begins, ends)],
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
function bandOf(process: number, x: number, begins: number, ends: number): string {
  const name = ends - begins < 55 ? String(process) : `process ${process}`;
  const middle = round((begins + ends) / 2);
  const place = `transform="translate(${x - 9} ${middle}) rotate(-90)"`;
  return `<rect class="band" x="${x}" y="${round(begins)}" width="${PANEL}" height="${
    round(ends - begins)
  }"/><g ${place}>${text(0, 4, name, "small", "middle")}</g>`;
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

function legend({ outcomes }: Summary): string {
  const y = HEIGHT - 26;
  const entries = [
    ["fetching", `<rect class="fetching" x="0" y="${y - 4}" width="18" height="7" rx="1"/>`],
    ["waiting", `<rect class="waiting" x="0" y="${y - 2.5}" width="18" height="4" rx="1"/>`],
    ["got the value", `<circle class="value" cx="9" cy="${y - 0.5}" r="4"/>`],
    outcomes.has("MISS-FOLLOWER-FALLBACK") &&
    ["fell back", `<rect class="falling-back" x="0" y="${y - 4}" width="18" height="7" rx="1"/>`],
    outcomes.has("FAILED") && ["failed", `<path class="failed" d="M5 ${y - 4.5}l8 8m0-8l-8 8"/>`],
    outcomes.has("CANCELLED") &&
    ["cancelled", `<path class="cancelled" d="M5 ${y - 4.5}l8 8m0-8l-8 8"/>`],
  ].filter((entry) => Array.isArray(entry));
  let x = MARGIN;
  return entries.map(([label, sample]) => {
    const drawn = `<g transform="translate(${x})">${sample}${text(24, y + 4, label!)}</g>`;
    x += 44 + label!.length * 7;
    return drawn;
  }).join("\n");
}
