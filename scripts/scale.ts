/**
 * Measures what one key costs a backend as the fleet grows, in virtual time, and writes the figures of docs/scale.md and its
 * chart; and how early a hot key is refreshed by chance, for docs/freshness.md: `deno task scale`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { orExit, readArguments, wholeNumber } from "./arguments.ts";
import { writeFigures } from "./figures.ts";
import { root } from "./project.ts";
import { defaults } from "../src/model/defaults.ts";
import { drawScale } from "./scale/chart.ts";
import { earlyTable } from "./scale/early.ts";
import { type Fared, type Fleet, simulateFleet } from "./scale/fleet.ts";
import { type Scale, writeScale } from "./scale/page.ts";
import { adviceFor } from "./scale/paper.ts";

const usual: Omit<Fleet, "processes" | "push"> = {
  waitStep: defaults.waitStep,
  waitMax: defaults.waitMax,
  operationTimeout: defaults.operationTimeout,
  fetch: 800,
  arrivals: 50,
  trip: 0.5,
  capacity: 50_000,
};

async function measure(): Promise<Scale> {
  const growing: Fared[] = [];
  for (const processes of [1, 10, 100, 1000, 10_000]) {
    for (const push of [true, false]) growing.push(await fare({ ...usual, processes, push }));
  }
  const polling = { ...usual, push: false, fetch: 3000 };
  const waiting = { ...polling, processes: 1000 };
  const jitter = [
    await fare(waiting),
    await fare({ ...waiting, jitter: 0 }),
    await fare({ ...waiting, push: true }),
  ];
  const advised: { before: Fared; after: Fared }[] = [];
  for (
    const [processes, capacity] of [[100, 1000], [300, 1000], [1000, 5000], [3000, 20_000]] as const
  ) {
    const fleet = { ...polling, processes, capacity };
    advised.push({
      before: await fare(fleet),
      after: await fare({ ...fleet, ...adviceFor(fleet) }),
    });
  }
  return { growing, jitter, advised };
}

async function fare(fleet: Fleet): Promise<Fared> {
  const began = performance.now();
  const herd = await simulateFleet(fleet);
  const { processes, push, capacity } = fleet;
  console.log(
    `${processes} processes, ${push ? "push" : "polling"}, ${capacity} operations a second: ` +
      `${herd.operations} operations (simulated in ${(performance.now() - began).toFixed(0)} ms)`,
  );
  return { fleet, herd };
}

const { values, rest: [part] } = readArguments({
  name: "scale",
  does:
    "Simulates fleets of up to 10,000 processes, and writes docs/scale.md and the table of docs/freshness.md.",
  rest: {
    value: "PART",
    help: "herds for docs/scale.md, early for docs/freshness.md; both by default",
  },
  options: {
    seed: { type: "string", value: "N", default: "42", help: "of the chances of `early`" },
  },
});
if (part !== "early") {
  const scale = await measure();
  mkdirSync(`${root}docs/charts`, { recursive: true });
  writeFileSync(`${root}docs/charts/scale.svg`, drawScale(scale.growing));
  await writeScale(scale);
  console.log("Written: docs/scale.md, docs/charts/scale.svg");
}
if (part !== "herds") {
  const seed = orExit(() => wholeNumber("--seed", values.seed, 0, 2 ** 32 - 1));
  await writeFigures("docs/freshness.md", { "early refreshes": earlyTable(seed) });
  console.log("Written: the table of docs/freshness.md");
}
