import { MARGIN, round, text, WIDTH } from "../charts/drawing.ts";
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

const style = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Ubuntu, sans-serif; fill: #59636e }
  .title { font-size: 15px } .name { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .big { font-size: 34px; font-weight: 700 } .small { font-size: 11px }
  .strong { font-weight: 600; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0; stroke-width: 1 }
  .waiting { fill: #a8cdf4 } .fetching { fill: #ee6c1b } .falling-back { fill: #8f6ad8 }
  .value { fill: #1f9d55 } .failed { stroke: #cf222e } .cancelled { stroke: #59636e }
  .failed, .cancelled { stroke-width: 2; fill: none } .load { fill: #ee6c1b; opacity: 0.85 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .name, .strong { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d }
    .waiting { fill: #2f5f96 } .fetching, .load { fill: #f0883e } .falling-back { fill: #a98eea }
    .value { fill: #3fb950 } .failed { stroke: #f85149 } .cancelled { stroke: #9198a1 }
  }
  .big.hot { fill: #ee6c1b } .big.calm { fill: #1f9d55 }
`;

/** Draws the herds side by side as a picture of their own, for light pages and dark ones. */
export function drawSvg(herds: Herds, flags: Flags): string {
  const last = lastOf(herds) * 1.02;
  const [without, withIt] = [summarize(herds.unprotected), summarize(herds.protected)];
  const peak = Math.max(without.peak, withIt.peak);
  const saved = (without.sourceSeconds - withIt.sourceSeconds).toFixed(1);
  const title = headline(flags);
  const summary = `${without.fetches} fetches without cache-locking, ${withIt.fetches} with it`;
  const right = WIDTH - MARGIN - PANEL;
  const end = WIDTH - MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
<title>${title}: ${summary}</title>
<style>${style}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="10"/>
${text(MARGIN, 36, title, "title")}
${panel(MARGIN, "Without", herds.unprotected, without, "hot", last, peak)}
${panel(right, "With cache-locking", herds.protected, withIt, "calm", last, peak)}
${legend(withIt)}
${text(end, HEIGHT - 22, `${saved} s of the source’s work saved`, "strong", "end")}
</svg>
`;
}

function panel(
  x: number,
  name: string,
  herd: Herd,
  summary: Summary,
  mood: "hot" | "calm",
  last: number,
  peak: number,
): string {
  const { fetches, p50, p99 } = summary;
  const at = (time: number) => round(x + (time / last) * PANEL);
  const base = TOP + BARS + 14 + LOAD;
  const [end, afterNumber] = [x + PANEL, x + 23 * String(fetches).length + 6];
  return [
    text(x, 76, name, "name"),
    text(x, 112, String(fetches), `big ${mood}`),
    text(afterNumber, 112, fetches === 1 ? "fetch" : "fetches", "name"),
    text(end, 94, told(summary), "", "end"),
    text(end, 112, `p50 ${formatMillis(p50)} · p99 ${formatMillis(p99)}`, "", "end"),
    ...ticks(last).flatMap((tick) => [
      `<path class="grid" d="M${at(tick)} ${TOP - 4}V${base}"/>`,
      text(at(tick), base + 16, tick === 0 ? "0" : formatMillis(tick), "small", "middle"),
    ]),
    bars(herd, at),
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
    ["HIT", "hit"],
  ];
  return words
    .filter(([outcome]) => outcomes.has(outcome))
    .map(([outcome, word]) => `${outcomes.get(outcome)} ${word}`)
    .join(" · ");
}

function bars(herd: Herd, at: (time: number) => number): string {
  const rows = rowsOf(herd, ROWS);
  const pitch = BARS / rows.length;
  const height = round(Math.min(pitch * 0.66, 10));
  return rows.map(({ segments, marks }, index) => {
    const y = round(TOP + index * pitch + (pitch - height) / 2);
    return [
      ...segments.map((segment) => segmentOf(segment, at, y, height)),
      ...marks.map((mark) => markOf(mark, at, y + height / 2, Math.min(height * 0.62, 4.5))),
    ].join("");
  }).join("\n");
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
