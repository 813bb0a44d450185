import { mkdirSync, writeFileSync } from "node:fs";
import { writeFigures } from "../figures.ts";
import { root } from "../project.ts";
import { table, whole } from "../table.ts";
import { formatCost, formatRatio } from "./goals.ts";
import { versionOf } from "./machine.ts";
import type { Kept } from "./kept.ts";
import type { Comparison, Herd } from "./measured.ts";
import { drawComparisons, drawFailing, drawHerds, drawL1, drawSteady } from "./pictures.ts";
import { l1Goals } from "./l1.ts";
import { takeoverGoals } from "./takeovers.ts";
import {
  comparisonTable,
  herdTable,
  l1Table,
  sharedFailuresTable,
  steadyTable,
  takeoverTable,
} from "./tables.ts";

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
  /** How soon killed leaders are replaced. */
  readonly takeovers: Kept;
  /** How often a source that is down is asked by processes that share its failures. */
  readonly failures: Kept;
  /** How long an old value is still read in L1. */
  readonly l1: Kept;
  /** Each backend, beside its driver. */
  readonly backends: readonly Kept[];
}

/** What was never measured is undefined. */
type Reported<Part> = Part extends readonly (infer One)[] ? readonly (One | undefined)[]
  : Part | undefined;

/**
 * Writes the figures of docs/benchmarks.md and README.md, and the charts; where something was never measured, only the parts
 * of the page that stand by themselves.
 */
export async function writeReport(
  report: { readonly [Part in keyof Report]: Reported<Report[Part]> },
): Promise<void> {
  mkdirSync(`${root}docs/charts`, { recursive: true });
  const { steady, takeovers, failures, l1 } = report;
  if (steady) draw("steady", drawSteady(steady.steady!));
  if (l1) draw("l1", drawL1(l1.l1!));
  await writeFigures("docs/benchmarks.md", {
    ...steady && { steady: steadyFigures(steady) },
    ...takeovers && { takeovers: takeoverFigures(takeovers) },
    ...failures && { shared: sharedFailuresFigures(failures) },
    ...l1 && { l1: l1Figures(l1) },
  });
  const parts = Object.values(report).flat();
  if (report.costs.length > 0 && !parts.includes(undefined)) await writeWhole(report as Report);
  console.log("\nWritten: docs/benchmarks.md, docs/charts/, and the figures of README.md");
}

function draw(name: string, svg: string): void {
  writeFileSync(`${root}docs/charts/${name}.svg`, svg);
}

/** The parts that are made of several, and those that were measured together. */
async function writeWhole(report: Report): Promise<void> {
  const { costs: [cost], memory, fleet, backends } = report;
  draw("herds", drawHerds(fleet.herds!));
  draw("failing", drawFailing(fleet.failing!));
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
function figuresOf(
  { costs, memory, fleet, steady, takeovers, failures, l1, backends }: Report,
): Record<string, string> {
  const all = [...costs, memory, fleet, steady, takeovers, failures, l1, ...backends];
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
function steadyFigures({ date, machine, steady = [] }: Kept): string {
  const { processes, rate, fetch, millis } = steady[0]!;
  return `${processes} processes with ${whole(rate)} calls a second each, for ${
    whole(millis / 1000)
  } s; a fetch takes ${fetch} ms, and the
key lives for a second (${date}, ${machine}):

${steadyTable(steady)}`;
}

/** The figures of the leaders that are killed: those of all servers, and which goals were missed. */
function takeoverFigures({ date, machine, takeovers = [], goals = [] }: Kept): string {
  const { processes, callers, lease, led, rounds, unannounced } = takeovers[0]!;
  const missed = goals.filter(({ met }) => !met);
  const told = missed.map(({ name, found }) => `${name} (${found})`).join("; ");
  return `${processes} processes with ${callers} callers each, a lease of ${
    lease / 1000
  } s, and a leader that is killed ${led / 1000} s into
its fetch, ${rounds} times; where the lease's end decides, ${unannounced.rounds} times (${date}, ${machine}):

${takeoverTable(takeovers)}

${
    missed.length === 0
      ? `All goals are met: ${takeoverGoals}.`
      : `Missed, of ${takeoverGoals}: ${told}.`
  }`;
}

/** The figures of a source that is down, whose failures are shared. */
function sharedFailuresFigures({ date, machine, failures = [] }: Kept): string {
  const { processes, rate, millis, ttl } = failures[0]!;
  return `${processes} processes with ${rate} calls a second each, for ${
    millis / 1000
  } s, all of one key; with a \`ttl\` of
${ttl} ms (${date}, ${machine}):

${sharedFailuresTable(failures)}`;
}

/** The figures of old values in L1, and which goals were missed. */
function l1Figures({ date, machine, l1 = [], goals = [] }: Kept): string {
  const { processes, keys, rate, every, ttl, millis } = l1[0]!;
  const missed = goals.filter(({ met }) => !met);
  const told = missed.map(({ name, found }) => `${name} (${found})`).join("; ");
  return `${processes} processes, ${keys} keys, ${
    whole(processes * rate)
  } reads a second and a write each ${every} ms, for ${millis / 1000} s; an
\`l1.ttl\` of ${ttl / 1000} s (${date}, ${machine}):

${l1Table(l1)}

${missed.length === 0 ? `All goals are met: ${l1Goals}.` : `Missed, of ${l1Goals}: ${told}.`}`;
}

const packages = [
  "effect",
  "async-cache-dedupe",
  "bentocache",
  "@epic-web/cachified",
  "cache-manager",
]
  .concat("cacheable", "lru-cache", "@keyv/redis", "ioredis", "memjs", "mongodb", "pg", "postgres")
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
