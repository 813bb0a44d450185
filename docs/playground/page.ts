/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The page: its controls, its pictures and its figures. */
import type { CacheStats } from "../../promise.ts";
import { picturesStyle } from "../../scripts/charts/drawing.ts";
import { AXIS, BARS, drawHerd, herdStyle, LOAD } from "../../scripts/demo/bars.ts";
import { type Herd, type Herds, lastOf, summarize, type Summary } from "../../scripts/demo/herd.ts";
import { formatMillis } from "../../scripts/demo/rows.ts";
import { controlsOf } from "./controls.ts";
import { type Figure, figuresOf } from "./figures.ts";
import { type Play, play } from "./play.ts";
import { readSettings, writeSettings } from "./settings.ts";

/** How often the page is drawn while a herd goes on, in milliseconds. */
const PACE = 120;
/** The same for people who want less motion: the figures alone, and the pictures at the end. */
const CALM_PACE = 500;
/** Above the bars, and at their left for the processes' numbers. */
const [TOP, LEFT] = [8, 20];

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const panels = { unprotected: panelOf("unprotected"), protected: panelOf("protected") };
const said = element("#status");
const link = element<HTMLAnchorElement>("#link");
const controls = controlsOf(element<HTMLFormElement>("#controls"), start);

let current: Play | undefined;

function element<E extends Element = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): E {
  return within.querySelector<E>(selector)!;
}

function panelOf(id: keyof Herds) {
  const panel = element(`#${id}`);
  const figures = (name: string) => element(`[data-figure="${name}"]`, panel);
  return {
    picture: element(".picture", panel),
    fetches: figures("fetches"),
    unit: figures("unit"),
    p50: figures("p50"),
    p99: figures("p99"),
    peak: figures("peak"),
  };
}

/** Lets a herd go with the settings of the controls, in place of the one that goes on. */
function start(): void {
  current?.stop();
  const settings = controls.read();
  const hash = writeSettings(settings);
  link.href = hash;
  history.replaceState(null, "", hash);
  const going = current = play(settings);
  said.textContent = "The herd is under way …";
  const draw = (pictures: boolean) => {
    const herds = going.now();
    showFigures(herds, going.clients.map((client) => client.stats()));
    if (pictures) drawPictures(herds, settings.span);
  };
  draw(true);
  const timer = setInterval(() => {
    if (going === current) draw(!calm.matches);
    else clearInterval(timer);
  }, calm.matches ? CALM_PACE : PACE);
  going.ended.then(() => {
    clearInterval(timer);
    if (going !== current) return;
    draw(true);
    said.textContent = outcomeOf(going.now());
  });
}

function showFigures(herds: Herds, stats: readonly CacheStats[]): void {
  for (const [name, panel] of Object.entries(panels)) {
    const { answered, fetches, p50, p99, peak } = summarize(herds[name as keyof Herds]);
    panel.fetches.textContent = String(fetches);
    panel.unit.textContent = fetches === 1 ? "fetch" : "fetches";
    panel.p50.textContent = answered === 0 ? "–" : formatMillis(p50);
    panel.p99.textContent = answered === 0 ? "–" : formatMillis(p99);
    panel.peak.textContent = String(peak);
  }
  element("tbody").replaceChildren(...figuresOf(herds, stats).map(rowOf));
}

function rowOf({ name, code, cells }: Figure): HTMLTableRowElement {
  const row = document.createElement("tr");
  const heading = document.createElement("th");
  heading.scope = "row";
  heading.append(name);
  if (code !== undefined) {
    const word = document.createElement("code");
    word.textContent = code;
    heading.append(" ", word);
  }
  row.append(heading);
  for (const cell of cells) row.insertCell().textContent = cell;
  return row;
}

/** Draws both to the same scales. */
function drawPictures(herds: Herds, span: number): void {
  const last = Math.max(span, lastOf(herds)) * 1.02;
  const summaries = [summarize(herds.unprotected), summarize(herds.protected)];
  const peak = Math.max(1, ...summaries.map(({ peak }) => peak));
  for (const name of ["unprotected", "protected"] as const) {
    const { picture } = panels[name];
    const width = Math.max(260, picture.clientWidth);
    const height = TOP + BARS + 14 + LOAD + AXIS;
    const place = { x: LEFT, top: TOP, width: width - LEFT - 18, last, peak };
    // What is drawn is made of numbers.
    picture.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${
      drawHerd(herds[name], place)
    }</svg>`;
    picture.setAttribute("aria-label", labelOf(summarize(herds[name])));
  }
}

function labelOf({ answered, fetches, peak, p50, p99 }: Summary): string {
  const load = `${fetches === 1 ? "1 fetch" : `${fetches} fetches`}, ${peak} at once; `;
  if (answered === 0) return `${load}no caller has the value`;
  return load +
    `half of the callers had the value within ${formatMillis(p50)}, 99 of 100 within ${
      formatMillis(p99)
    }`;
}

function outcomeOf({ unprotected, protected: withIt }: Herds): string {
  const told = (herd: Herd, how: string) => {
    const { answered, fetches, p99 } = summarize(herd);
    return `${fetches === 1 ? "1 fetch" : `${fetches} fetches`} ${how}, ${
      answered === 0 ? "and nobody has the value" : `p99 ${formatMillis(p99)}`
    }`;
  };
  return `${told(unprotected, "without cache-locking")}; ${told(withIt, "with it")}.`;
}

const style = document.createElement("style");
style.textContent = picturesStyle + herdStyle;
document.head.append(style);

controls.show(readSettings(location.hash));
addEventListener("hashchange", () => {
  controls.show(readSettings(location.hash));
  start();
});
// In the background timers are slow, and so would be everything here.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) current?.stop();
  else start();
});
start();

/** For the console, and for the tests: where the page has its figures from. */
Object.assign(globalThis, {
  playground: {
    herds: () => current!.now(),
    stats: () => current!.clients.map((client) => client.stats()),
  },
});
