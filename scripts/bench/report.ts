import { mkdirSync, writeFileSync } from "node:fs";
import { writeFigures } from "../figures.ts";
import { root } from "../project.ts";
import { table, whole } from "../table.ts";
import { formatCost, formatRatio } from "./goals.ts";
import { versionOf } from "./machine.ts";
import type { Kept } from "./kept.ts";
import type { Comparison, Herd } from "./measured.ts";
import { drawComparisons, drawFailing, drawHerds, drawSteady } from "./pictures.ts";
import { comparisonTable, herdTable, steadyTable } from "./tables.ts";

/** All that there is to report. */
export interface Report {
  /** What a call costs, on each runtime. */
  readonly costs: readonly Kept[];
  /** Hits and stampedes in memory. */
  readonly memory: Kept;
  /** Herds of processes over Redis. */
  readonly fleet: Kept;
  /** A hot key under steady load. */
  readonly steady: Kept;
  /** Each backend, beside its driver. */
  readonly backends: readonly Kept[];
}

/** Writes the figures of docs/benchmarks.md and README.md, and the charts. */
export async function writeReport(report: Report): Promise<void> {
  mkdirSync(`${root}docs/charts`, { recursive: true });
  const draw = (name: string, svg: string) => writeFileSync(`${root}docs/charts/${name}.svg`, svg);
  const { costs: [cost], memory, fleet, steady, backends } = report;
  draw("herds", drawHerds(fleet.herds!));
  draw("failing", drawFailing(fleet.failing!));
  draw("steady", drawSteady(steady.steady!));
  for (
    const [name, title, comparisons] of [
      ["hits", "A hit in memory", comparisonsOf(memory, /^Hit/).slice(0, 2)],
      ["redis", "A hit in Redis", comparisonsOf(cost!, redisHits)],
      ["stampede", "10,000 callers of a cold key in memory", comparisonsOf(memory, /^Stampede/)],
      ["backends", "One caller, beside the driver's read", ofBackends(backends, /caller/)],
      [
        "lateness",
        "How long after the fetch followers have the value",
        ofBackends(backends, /follow/),
      ],
    ] as const
  ) draw(name, drawComparisons(title, comparisons));
  await writeFigures("docs/benchmarks.md", figuresOf(report));
  await writeFigures("README.md", { figures: excerptOf(report) });
  console.log("\nWritten: docs/benchmarks.md, docs/charts/, and the figures of README.md");
}

/** What the README quotes: the largest herd, and a line of what a call costs. */
function excerptOf({ costs, fleet: { date, machine, herds = [] } }: Report): string {
  const most = Math.max(...herds.map(({ processes }) => processes));
  const largest = herds.filter(({ processes }) => processes === most);
  const { callers, fetch } = largest[0]!;
  return `${most} processes, with ${callers} callers each, ask for one cold key in Redis, whose fetch takes ${fetch} ms
(${date}, ${machine}):

${
    table(
      ["cache", "fetches", "commands to Redis", "the slowest caller"],
      largest.map(({ name, fetches, sent, slowest }) => [
        name,
        whole(fetches),
        whole(sent),
        `${whole(slowest)} ms`,
      ]),
    )
  }

${costLine(costs.findLast(({ runtime }) => /^Node.*Effect 4$/.test(runtime)) ?? costs[0]!)}`;
}

/** Some rows of what a call costs, in one line. */
function costLine({ runtime, comparisons = [] }: Kept): string {
  const said = comparisons.flatMap(({ title, timings }) => {
    if (!/^(Miss|Hit).*a run each|distinct/.test(title)) return [];
    const [first, own] = timings;
    return [`${title}: ${formatRatio(own!.ratio)} ${first!.name}`];
  });
  return `Speed beside its neighbours, on ${runtime}: ${said.join("; ")}.`;
}

function costsOf({ runtime, before, comparisons = [] }: Kept): string {
  const rows = comparisons.map(({ title, unit, timings }) => {
    const [first, own] = timings;
    const others = timings.slice(before ? 3 : 2).map(({ name, median }) =>
      `${name}: ${formatCost(median, unit)}`
    );
    return [
      title,
      formatCost(own!.median, unit),
      `${formatRatio(own!.ratio)} ${first!.name}: ${formatCost(first!.median, unit)}`,
      own!.gain ? formatRatio(own!.gain) : "–",
      others.join(", "),
    ];
  });
  const head = ["", "cache-locking", "beside", "beside the build before", "others"];
  const note = before ? `, and the build before is commit ${before}` : "";
  return `On ${runtime}${note}:\n\n${table(head, rows)}`;
}

/** What was found of each goal, by runtime. */
function goalsByRuntime(costs: readonly Kept[]): string {
  const names = distinct(costs.flatMap(({ goals = [] }) => goals.map(({ name }) => name)));
  const rows = names.map((name) => [
    name,
    ...costs.map(({ goals = [] }) => {
      const goal = goals.find((goal) => goal.name === name);
      return goal === undefined ? "–" : `${goal.found}${goal.met ? "" : ", missed"}`;
    }),
  ]);
  return table(["goal", ...costs.map(({ runtime }) => runtime)], rows);
}

/** The figures of docs/benchmarks.md, by the names that the page has for them. */
function figuresOf({ costs, memory, fleet, steady, backends }: Report): Record<string, string> {
  const all = [...costs, memory, fleet, steady, ...backends];
  const measured = (of: (kept: Kept) => readonly string[]) => distinct(all.flatMap(of));
  const { callers, fetch } = fleet.herds![0]!;
  const down = fleet.failing![0]!;
  const herds = backends.flatMap(({ herds = [] }) => herds);
  const clients = herds[0]!;
  const tables = (comparisons: readonly Comparison[]) =>
    comparisons.map(comparisonTable).join("\n\n");
  return {
    setup: `Measured on ${measured(({ date }) => [date]).join(" and ")}, on ${
      measured(({ machine }) => [machine]).join("; ")
    }. The servers: ${measured(({ servers = [] }) => servers).join(", ")}.

${table(["package", "version"], packages.map((name) => [name, versionOf(name)]))}`,
    costs: costs.map(costsOf).join("\n\n"),
    goals: goalsByRuntime(costs),
    herds: `Each process has ${callers} callers, and a fetch takes ${fetch} ms. The fetches:

${herdsByProcesses(fleet.herds!, ({ fetches }) => whole(fetches))}

The commands to Redis for the herd, and the time of the slowest caller:

${herdsByProcesses(fleet.herds!, ({ sent, slowest }) => `${whole(sent)}, ${whole(slowest)} ms`)}`,
    failing:
      `${down.processes} processes with ${down.callers} callers each; every fetch fails, after
${down.fetch} ms.

${herdTable(fleet.failing!)}`,
    steady: steadyFigures(steady),
    hits: tables(comparisonsOf(memory, /^Hit/)),
    stampedes: tables(comparisonsOf(memory, /^Stampede/)),
    redis: tables(comparisonsOf(costs[0]!, redisHits)),
    backends: `${
      backendTable(["the driver's read", "a hit", "a miss"], ofBackends(backends, /caller/))
    }

Herds in ${clients.processes} clients of one process, each with ${clients.callers} callers and flights
of its own, and a fetch of ${clients.fetch} ms:

${herdTable(herds)}`,
    lateness: backendTable(["polling", "p99", "pushed", "p99"], ofBackends(backends, /follow/)),
  };
}

/** The figures of the steady load: those of all caches, and on what. */
export function steadyFigures({ date, machine, steady = [] }: Kept): string {
  const { processes, rate, fetch, millis } = steady[0]!;
  return `${processes} processes with ${whole(rate)} calls a second each, for ${
    whole(millis / 1000)
  } s; a fetch takes ${fetch} ms, and the
key lives for a second (${date}, ${machine}):

${steadyTable(steady)}`;
}

const packages = [
  "effect",
  "async-cache-dedupe",
  "bentocache",
  "@epic-web/cachified",
  "cache-manager",
]
  .concat("cacheable", "lru-cache", "@keyv/redis", "ioredis", "memjs", "mongodb", "postgres")
  .concat("@aws-sdk/client-dynamodb", "@aws-sdk/client-s3");

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

const redisHits = /^Redis.* one (warm key|caller)/;

function comparisonsOf({ comparisons = [] }: Kept, of = /^/): readonly Comparison[] {
  return comparisons.filter(({ title }) => of.test(title));
}

function ofBackends(backends: readonly Kept[], of: RegExp): readonly Comparison[] {
  return backends.flatMap((backend) => comparisonsOf(backend, of));
}

/** A row for each cache, a column for each number of processes. */
function herdsByProcesses(herds: readonly Herd[], cell: (herd: Herd) => string): string {
  const sizes = [...new Set(herds.map(({ processes }) => String(processes)))];
  const rows = [...Map.groupBy(herds, ({ name }) => name)];
  return table(["processes", ...sizes], rows.map(([name, herds]) => [name, ...herds.map(cell)]));
}

/** A row for each backend, with the costs of its comparison. */
function backendTable(names: readonly string[], comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ title, timings, unit }) => [
    title.split(":")[0]!,
    ...names.map((_, i) => timings[i] ? formatCost(timings[i].median, unit) : "–"),
  ]);
  return table(["backend", ...names], rows);
}
