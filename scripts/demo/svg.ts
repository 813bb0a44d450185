import { MARGIN, picture, text, WIDTH } from "../charts/drawing.ts";
import { BARS, drawHerd, herdStyle, LOAD } from "./bars.ts";
import type { Flags } from "./flags.ts";
import { type Herd, type Herds, lastOf, type Outcome, summarize, type Summary } from "./herd.ts";
import { formatMillis, headline } from "./rows.ts";

const PANEL = 356;
const TOP = 138;
const HEIGHT = TOP + BARS + LOAD + 96;

const style = `  .big { font-size: 34px; font-weight: 700; fill: currentColor }
${herdStyle}`;

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
  const base = TOP + BARS + 14 + LOAD;
  const [end, afterNumber] = [x + PANEL, x + 23 * String(fetches).length + 6];
  return [
    text(x, 76, name, "name"),
    text(x, 112, String(fetches), `big ${tone}`),
    text(afterNumber, 112, fetches === 1 ? "fetch" : "fetches", "name"),
    text(end, 94, told(summary), "", "end"),
    text(end, 112, `p50 ${formatMillis(p50)} · p99 ${formatMillis(p99)}`, "", "end"),
    drawHerd(herd, { x, top: TOP, width: PANEL, last, peak }),
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
