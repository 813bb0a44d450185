import { mkdirSync, writeFileSync } from "node:fs";
import { table, whole, writeFigures, writePage } from "../charts/markdown.ts";
import { root } from "../project.ts";
import { formatCost, formatRatio } from "./goals.ts";
import { versionOf } from "./machine.ts";
import type { Kept } from "./kept.ts";
import type { Comparison, Herd } from "./measured.ts";
import { drawComparisons, drawFailing, drawHerds } from "./pictures.ts";
import { comparisonTable, herdTable } from "./tables.ts";

/** All that there is to report. */
export interface Report {
  /** What a call costs, on each runtime. */
  readonly costs: readonly Kept[];
  /** Hits and stampedes in memory. */
  readonly memory: Kept;
  /** Herds of processes over Redis. */
  readonly fleet: Kept;
  /** Each backend, beside its driver. */
  readonly backends: readonly Kept[];
}

/** Writes docs/benchmarks.md and its charts. */
export async function writeReport(report: Report): Promise<void> {
  mkdirSync(`${root}docs/charts`, { recursive: true });
  const draw = (name: string, svg: string) => writeFileSync(`${root}docs/charts/${name}.svg`, svg);
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
  await writePage("benchmarks.md", pageOf(report));
  await writeFigures("README.md", excerptOf(report));
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

function pageOf({ costs, memory, fleet, backends }: Report): string {
  const all = [...costs, memory, fleet, ...backends];
  const dates = distinct(all.map(({ date }) => date));
  const machines = distinct(all.map(({ machine }) => machine));
  const servers = distinct(all.flatMap(({ servers = [] }) => servers));
  const { callers, fetch } = fleet.herds![0]!;
  const down = fleet.failing![0]!;
  const herds = backends.flatMap(({ herds = [] }) => herds);
  return `# Benchmarks

<!-- Written by \`deno task bench --report\`. -->

Measured on ${dates.join(" and ")}, on ${machines.join(" and ")}, by:

\`\`\`sh
deno task bench --on 20
deno task bench --report
\`\`\`

Every cache runs as its own documentation says, with its default options, except for times to live and
for sizes that hold all keys. The programs take many turns, so that the machine's other work affects
all of them alike. Times are medians. The library, the build before and the first row of a
table run in one program, in three such programs at least: the speed of the same code differs from
one program to the next. The other rows run with the first row in another program. Servers are on the
same machine, over the loopback: ${servers.join(", ")}.

${table(["package", "version"], packages.map((name) => [name, versionOf(name)]))}

## What it costs

The cost of a call for its own process, beside something that does the same, and beside this library
before its last change. 2 × is twice as good: half the time or half the bytes.

${costs.map(costsOf).join("\n\n")}

Its goals:

${goalsByRuntime(costs)}

## A herd, by the number of processes

Real processes, with ${callers} callers each, ask for one cold key in Redis at the same time. A fetch takes
${fetch} ms.

![Fetches and commands by the number of processes](./charts/herds.svg)

${herdsByProcesses(fleet.herds!, ({ fetches }) => whole(fetches))}

The commands to Redis for the herd, and the time of the slowest caller:

${herdsByProcesses(fleet.herds!, ({ sent, slowest }) => `${whole(sent)}, ${whole(slowest)} ms`)}

_By hand_ is \`SET NX PX\`, a look every 50 ms, and a \`DEL\` without a check of the owner: it has
no flights, no fence and no push. bentocache has one tier, in Redis, and its bus; cacheable
has its two. Effect's PersistedCache has its tier in memory, and an ioredis client for its own layer
for Redis.

## A source that is down

${down.processes} processes with ${down.callers} callers each; every fetch fails, after ${down.fetch} ms.

![Fetches of a source that is down, and the time that its callers wait](./charts/failing.svg)

${herdTable(fleet.failing!)}

cache-locking lets \`1 + takeovers\` fetches of a herd fail, and then fails all waiting callers.

## Hits in memory

The time of a call that finds its value, with 1,000 calls one after the other. _A run each_ has one run
of Effect for every call, _one fiber_ has all calls in one run, and _bare_ awaits a promise.

![A hit in memory, beside other caches](./charts/hits.svg)

${comparisonsOf(memory, /^Hit/).map(comparisonTable).join("\n\n")}

## A stampede in memory

All callers come before the fetch ends, and the fetch takes no time. So this is the time of the
cache's own work.

![A stampede in memory, beside other caches](./charts/stampede.svg)

${comparisonsOf(memory, /^Stampede/).map(comparisonTable).join("\n\n")}

## Hits in Redis

Every call asks Redis. PersistedCache would answer from memory for ten seconds; this is turned off.

![A hit in Redis, beside other caches](./charts/redis.svg)

${comparisonsOf(costs[0]!, redisHits).map(comparisonTable).join("\n\n")}

## Backends

A hit and a miss beside the bare read of the driver: a miss is \`get\`, \`acquire\` and \`fill\`. DynamoDB
Local and the gateway that stands for S3 are slower than the services that they stand for.

![A hit and a miss beside the driver's read](./charts/backends.svg)

${backendTable(["the driver's read", "a hit", "a miss"], ofBackends(backends, /caller/))}

Herds in ${herds[0]!.processes} clients of one process, each with ${
    herds[0]!.callers
  } callers and flights of its own, and a fetch of
${herds[0]!.fetch} ms:

${herdTable(herds)}

## When followers have the value

The time from the end of the leader's fetch, in one client, until a follower in another client has the
value. The fetch takes 600 to 800 ms, so that pauses between looks have grown to \`waitStep\`. Backends
with push are measured without it, too.

![When followers have the value, by push and by polling](./charts/lateness.svg)

${backendTable(["polling", "p99", "pushed", "p99"], ofBackends(backends, /follow/))}

[scale.md](./scale.md) has fleets of up to ten thousand processes.
`;
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
