import { type Bar, type BarPanel, drawBars } from "../charts/bars.ts";
import type { Tone } from "../charts/drawing.ts";
import { drawLines, type Line } from "../charts/lines.ts";
import { whole } from "../table.ts";
import type { Comparison, Herd, L1Age, Steady } from "./measured.ts";
import { formatCost } from "./goals.ts";

/** Fetches, and commands of Redis, by the number of processes. */
export function drawHerds(herds: readonly Herd[]): string {
  const { callers, fetch } = herds[0]!;
  const sizes = [...new Set(herds.map(({ processes }) => processes))];
  const x = { name: "processes", ticks: sizes, format: whole };
  const most = Math.max(...herds.map(({ sent }) => sent));
  const decades = Array.from({ length: Math.ceil(Math.log10(most)) + 1 }, (_, tens) => 10 ** tens);
  return drawLines(`A cold key in Redis, ${callers} callers a process; ${fetch} ms a fetch`, [
    {
      name: "Fetches of the source",
      x,
      y: { name: "", ticks: sizes, format: whole },
      lines: linesOf(herds, "fetches"),
    },
    {
      name: "Commands that Redis was sent",
      x,
      y: { name: "", ticks: decades, format: whole },
      lines: linesOf(herds, "sent"),
    },
  ]);
}

/** One line for each cache, the library's on top of those that it is alike. */
function linesOf(herds: readonly Herd[], of: "fetches" | "sent"): Line[] {
  const names = [...new Set(herds.map(({ name }) => name))];
  return names.toReversed().map((name) => ({
    name: shortName(name),
    tone: toneOf(name),
    points: herds.filter((herd) => herd.name === name).map((herd) => [herd.processes, herd[of]]),
  }));
}

/** How often a source that is down is asked. */
export function drawFailing(failing: readonly Herd[]): string {
  const { processes, callers, fetch } = failing[0]!;
  const bar = (value: number, told: string, { name }: Herd): Bar => ({
    name: shortName(name),
    value,
    told,
    tone: toneOf(name),
  });
  return drawBars(
    `${processes} × ${callers} callers of a source that is down; ${fetch} ms a fetch`,
    [
      {
        name: "Fetches",
        bars: failing.map((herd) => bar(herd.fetches, whole(herd.fetches), herd)),
      },
      {
        name: "Until the last caller knows",
        bars: failing.map((herd) => bar(herd.slowest, `${whole(herd.slowest)} ms`, herd)),
      },
    ],
  );
}

/** How a hot key fares under steady load. */
export function drawSteady(steady: readonly Steady[]): string {
  const { processes, rate, fetch, millis } = steady[0]!;
  const panel = (name: string, of: (each: Steady) => number, told: (value: number) => string) => ({
    name,
    bars: steady.map((each): Bar => ({
      name: shortName(each.name),
      value: of(each),
      told: told(of(each)),
      tone: each.name === steady[1]?.name ? "own-too" : toneOf(each.name),
    })),
  });
  return drawBars(
    `A hot key that lives for 1 s; ${whole(processes * rate)} calls a second for ${
      whole(millis / 1000)
    } s, ${fetch} ms a fetch`,
    [
      panel("99 of 100 calls take at most", ({ p99 }) => p99, (value) => formatCost(value, "ms")),
      panel("Fetches of the source", ({ fetches }) => fetches, whole),
      panel("Commands that Redis was sent", ({ sent }) => sent, whole),
    ],
  );
}

/** How long an old value is still read in L1, and what the server is sent. */
export function drawL1(ages: readonly L1Age[]): string {
  const { processes, keys, rate, every } = ages[0]!;
  return drawBars(
    `${processes} processes read ${keys} keys ${
      whole(processes * rate)
    } times a second; a write each ${every} ms`,
    [
      {
        name: "For how long another process still reads the old value: the median, and 99 of 100",
        bars: ages.map(({ backend, median, p99 }): Bar => ({
          name: nameOf(backend),
          value: median,
          until: p99,
          told: `${formatCost(median, "ms")}, ${formatCost(p99, "ms")}`,
          tone: "own",
        })),
      },
      {
        name: "Commands or statements for 1,000 reads",
        bars: ages.flatMap(({ backend, sent, without }): Bar[] => [
          { name: `${nameOf(backend)}, with L1`, value: sent, told: sent.toFixed(1), tone: "own" },
          {
            name: `${nameOf(backend)}, without`,
            value: without.sent,
            told: whole(without.sent),
            tone: "own-too",
          },
        ]),
      },
    ],
  );
}

function nameOf(backend: string): string {
  return backend[0]!.toUpperCase() + backend.slice(1);
}

/** Comparisons, one below the other. */
export function drawComparisons(title: string, comparisons: readonly Comparison[]): string {
  return drawBars(title, comparisons.map(panelOf));
}

function panelOf({ title, timings, unit }: Comparison): BarPanel {
  return {
    name: title,
    bars: timings.map(({ name, median }) => ({
      name: shortName(name),
      value: median,
      told: formatCost(median, unit),
      tone: toneOf(name),
    })),
  };
}

function toneOf(name: string): Tone {
  if (/^floor/.test(name)) return "floor";
  if (/^by hand/.test(name)) return "hot";
  if (/, before$/.test(name)) return "own-too";
  return /^(cache-locking|pushed|client\.getOrSet|Cache\.getOrSet)/.test(name) ? "own" : "peer";
}

function shortName(name: string): string {
  return name.replace(/ with (grace and its bus|its bus|@keyv\/redis)$/, "").replace(
    /^(by hand):.*/,
    "$1",
  );
}
