import { mkdirSync, writeFileSync } from "node:fs";
import { table, whole, writeFigures, writePage } from "../charts/markdown.ts";
import { root } from "../project.ts";
import { formatRatio } from "./goals.ts";
import { versionOf } from "./machine.ts";
import type { Comparison, FailingHerd, Herd, Kept, Lateness } from "./measured.ts";
import { drawComparisons, drawFailing, drawHerds, drawLateness } from "./pictures.ts";
import { formatNanos } from "./print.ts";

/** All that there is to report. */
export interface Report {
  /** Hits and stampedes in memory. */
  readonly memory: Kept;
  /** Redis, beside other caches. */
  readonly peers: Kept;
  /** Each backend, beside its driver. */
  readonly backends: readonly Kept[];
}

/** Writes docs/benchmarks.md and its charts. */
export async function writeReport(report: Report): Promise<void> {
  mkdirSync(`${root}docs/charts`, { recursive: true });
  const draw = (name: string, svg: string) => writeFileSync(`${root}docs/charts/${name}.svg`, svg);
  const { memory, peers, backends } = report;
  draw("herds", drawHerds(peers.herds!));
  draw("failing", drawFailing(peers.failing!));
  draw("hits", drawComparisons("A hit in memory", hitsOf(memory).slice(0, 2)));
  draw("redis", drawComparisons("A hit in Redis", peers.comparisons!));
  draw("stampede", drawComparisons("10,000 callers of a cold key in memory", stampedesOf(memory)));
  draw(
    "backends",
    drawComparisons("One caller, beside the driver's read", backends.flatMap(comparisonsOf)),
  );
  draw("lateness", drawLateness(backends.flatMap(({ lateness = [] }) => lateness)));
  await writePage("benchmarks.md", pageOf(report));
  await writeFigures("README.md", excerptOf(report));
  console.log("\nWritten: docs/benchmarks.md, docs/charts/, and the figures of README.md");
}

/** What the README quotes: the largest herd. */
function excerptOf({ peers: { date, machine, herds = [] } }: Report): string {
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
  }`;
}

function pageOf({ memory, peers, backends }: Report): string {
  const all = [memory, peers, ...backends];
  const dates = distinct(all.map(({ date }) => date));
  const machines = distinct(all.map(({ machine }) => machine));
  const servers = distinct(all.flatMap(({ servers = [] }) => servers));
  const { callers, fetch } = peers.herds![0]!;
  const down = peers.failing![0]!;
  const herds = backends.flatMap(({ herds = [] }) => herds);
  return `# Benchmarks

<!-- Written by \`deno task bench --report\`. -->

Measured on ${dates.join(" and ")}, on ${machines.join(" and ")}, by:

\`\`\`sh
deno task bench --report
\`\`\`

Every cache is used as its own documentation says, with the options that it has by itself, but for
times to live and sizes that hold all keys. What is compared takes turns, many times over, so that
what else the machine does hits all alike; times are medians. Servers are on the same machine, over
the loopback: ${servers.join(", ")}.

${table(["package", "version"], packages.map((name) => [name, versionOf(name)]))}

## A herd, by the number of processes

Real processes of Deno, with ${callers} callers each, that ask for one cold key in Redis at the same time. A
fetch takes ${fetch} ms.

![Fetches and commands by the number of processes](./charts/herds.svg)

${herdTable(peers.herds!, ({ fetches }) => whole(fetches))}

Commands that Redis was sent for the herd, and how long the slowest caller took:

${herdTable(peers.herds!, ({ sent, slowest }) => `${whole(sent)}, ${whole(slowest)} ms`)}

_By hand_ is \`SET NX PX\`, a look every 50 ms, and a \`DEL\` that asks nobody whose lock it is: it has
no flights, no fence and no push. bentocache has one tier, in Redis, and its bus; cacheable
has its two. Effect's PersistedCache has its tier in memory, and an ioredis client for its own layer
for Redis.

## A source that is down

${down.processes} processes with ${down.callers} callers each; every fetch fails, after ${down.fetch} ms.

![Fetches of a source that is down, and how long its callers wait](./charts/failing.svg)

${table(failingHead, peers.failing!.map(failingRow))}

cache-locking lets \`1 + takeovers\` fetches of a herd fail, and then tells all who wait.

## Hits in memory

How long a call takes that finds its value, with 1,000 calls one after the other. _A run each_ has a
run of Effect's for every call, and _bare_ is a promise awaited; _one fiber_ has all calls in one.

![A hit in memory, beside other caches](./charts/hits.svg)

${hitsOf(memory).map(comparisonTable).join("\n\n")}

## A stampede in memory

All callers come before the fetch ends, which itself takes no time: what is timed is what the cache
does with them.

![A stampede in memory, beside other caches](./charts/stampede.svg)

${stampedesOf(memory).map(comparisonTable).join("\n\n")}

## Hits in Redis

Every call asks Redis: PersistedCache, which would answer for ten seconds from memory, is told not to.
Each cache is timed beside the first row in programs that have no other, of which there are three: how
fast the same code is differs from one program to the next.

![A hit in Redis, beside other caches](./charts/redis.svg)

${peers.comparisons!.map(comparisonTable).join("\n\n")}

## Backends

A hit and a miss beside the bare read of the driver: a miss is \`get\`, \`acquire\` and \`fill\`. DynamoDB
Local and the gateway that stands for S3 are slower than what they stand for.

![A hit and a miss beside the driver's read](./charts/backends.svg)

${table(backendHead, backends.flatMap(comparisonsOf).map(backendRow))}

Herds in ${herds[0]!.processes} clients of one process, each with ${
    herds[0]!.callers
  } callers and flights of its own, and a fetch of
${herds[0]!.fetch} ms:

${table(backendHerdHead, herds.map(backendHerdRow))}

## How soon followers have the value

From the end of the leader's fetch, in one client, to the value in the hands of a follower in
another; the fetch takes 600 to 800 ms, so that pauses between looks have grown to \`waitStep\`.
Backends with push are measured without it, too.

![How soon followers have the value, by push and by polling](./charts/lateness.svg)

${table(latenessHead, backends.flatMap(({ lateness = [] }) => lateness).map(latenessRow))}

How this goes on for fleets of up to ten thousand processes is in [scale.md](./scale.md).
`;
}

const packages = [
  "effect",
  "async-cache-dedupe",
  "bentocache",
  "@epic-web/cachified",
  "cache-manager",
  "cacheable",
  "lru-cache",
  "@keyv/redis",
  "ioredis",
  "memjs",
  "mongodb",
  "postgres",
  "@aws-sdk/client-dynamodb",
  "@aws-sdk/client-s3",
];

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

function hitsOf({ comparisons = [] }: Kept): readonly Comparison[] {
  return comparisons.filter(({ title }) => title.startsWith("Hit"));
}

function stampedesOf({ comparisons = [] }: Kept): readonly Comparison[] {
  return comparisons.filter(({ title }) => title.startsWith("Stampede"));
}

function comparisonsOf({ comparisons = [] }: Kept): readonly Comparison[] {
  return comparisons;
}

function comparisonTable({ title, timings }: Comparison): string {
  const rows = timings.map(({ name, median, ratio }) => [
    name,
    formatNanos(median),
    formatRatio(ratio),
  ]);
  return table([title, "median", "times as fast as the first"], rows);
}

/** A row for each cache, a column for each number of processes. */
function herdTable(herds: readonly Herd[], cell: (herd: Herd) => string): string {
  const sizes = [...new Set(herds.map(({ processes }) => processes))];
  const names = [...new Set(herds.map(({ name }) => name))];
  const head = ["processes", ...sizes.map(String)];
  return table(
    head,
    names.map((name) => [
      name,
      ...herds.filter((herd) => herd.name === name).map(cell),
    ]),
  );
}

const failingHead = [
  "cache",
  "fetches",
  "callers without a value",
  "commands",
  "the last one knows",
];

function failingRow({ name, fetches, failed, sent, slowest }: FailingHerd): string[] {
  return [name, whole(fetches), whole(failed), whole(sent), `${whole(slowest)} ms`];
}

const backendHead = ["backend", "the driver's read", "a hit", "a miss"];

function backendRow({ title, timings }: Comparison): string[] {
  return [title.split(":")[0]!, ...timings.map(({ median }) => formatNanos(median))];
}

const backendHerdHead = ["backend", "fetches", "operations", "the slowest caller"];

function backendHerdRow({ name, fetches, sent, slowest }: Herd): string[] {
  return [name, whole(fetches), whole(sent), `${whole(slowest)} ms`];
}

const latenessHead = ["backend", "followers", "median", "p99"];

function latenessRow({ backend, how, median, p99 }: Lateness): string[] {
  return [
    backend,
    how === "push" ? "pushed" : "poll",
    `${median.toFixed(1)} ms`,
    `${p99.toFixed(1)} ms`,
  ];
}
