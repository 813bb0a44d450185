/**
 * Measures the library beside its neighbours, and beside its build before. `deno task bench` measures what a call costs;
 * `memory` has more hits and herds in memory, `herds` those of processes over Redis, `steady` a hot key under steady load there, `takeover` how soon killed leaders are replaced over Redis and Postgres, `failures` how often processes that share failures ask a source that is down, `l1` how long an old value is still read in L1, `postgres` or any other module of
 * `bench/backends/` the backend beside its driver, and `backends` all of these. `deno task bench --report` measures everything and writes
 * docs/benchmarks.md and its charts; with `--render` what the last runs measured is written.
 */
import { globSync } from "node:fs";
import process from "node:process";
import { dynamodb } from "../tests/servers/dynamodb.ts";
import { memcached } from "../tests/servers/memcached.ts";
import { mongodbReplicaSet as mongodb } from "../tests/servers/mongodb.ts";
import { postgres } from "../tests/servers/postgres.ts";
import { redis } from "../tests/servers/redis.ts";
import { s3 } from "../tests/servers/s3.ts";
import { newSqliteFile } from "../tests/servers/sqlite.ts";
import { giveUp, orExit, readArguments, wholeNumber } from "./arguments.ts";
import { type Bench, compareRows } from "./bench/compare_rows.ts";
import { keep, recall } from "./bench/kept.ts";
import type { Goal, Measured } from "./bench/measured.ts";
import { benchL1 } from "./bench/l1.ts";
import { benchHerds } from "./bench/redis_herds.ts";
import { writeReport } from "./bench/report.ts";
import { costs, inMemory, serverOf } from "./bench/rows.ts";
import { openRuntime } from "./bench/runtime.ts";
import { benchSharedFailures } from "./bench/shared_failures.ts";
import { benchSteady } from "./bench/steady.ts";
import {
  comparisonTable,
  goalTable,
  herdTable,
  l1Table,
  sharedFailuresTable,
  steadyTable,
  takeoverTable,
} from "./bench/tables.ts";
import { benchTakeovers } from "./bench/takeovers.ts";
import type { EffectMajor } from "./project.ts";

const { values: options, rest: positionals } = readArguments({
  name: "bench",
  does: "Measures the library beside its neighbours, and beside its build before.",
  rest: {
    value: "PART",
    help:
      "costs (the default), memory, herds, steady, takeover, failures, l1, a backend, or backends for all of them",
  },
  options: {
    on: {
      type: "string",
      value: "RUNTIME",
      default: "deno",
      help: "deno, a major version of Node, or the path of any Node",
    },
    effect: { type: "string", value: "N", default: "4", help: "the major version of Effect" },
    before: { type: "string", value: "COMMIT", help: "the commit of the build before" },
    only: {
      type: "string",
      value: "REGEXP",
      default: "",
      help: "only the rows whose titles match",
    },
    strict: { type: "boolean", help: "exit with 1 if a goal is missed" },
    quick: { type: "boolean", help: "a look, not a measurement: it is not kept" },
    report: { type: "boolean", help: "measure everything, and write docs/benchmarks.md" },
    render: { type: "boolean", help: "write docs/benchmarks.md, and measure only what is named" },
  },
});
const { quick, report, render } = options;
// Many short turns: a hit is so quick that what else the machine does is most of what two long turns differ by.
const effort = quick
  ? { programs: 1, rounds: 6, millis: 10, warmup: 100, budget: 500 }
  : { programs: 3, rounds: 20, millis: 10, warmup: 300, budget: 1000 };
const only = new RegExp(options.only, "i");

const sqlite = { start: () => Promise.resolve(newSqliteFile()) };
const servers = { dynamodb, memcached, mongodb, postgres, redis, s3, sqlite };
const backends = globSync("*.ts", { cwd: new URL("bench/backends/", import.meta.url) })
  .map((file) => file.replace(/\.ts$/, ""))
  .sort();
/** What is measured on its own, and kept. */
const parts = ["costs", "memory", "herds", "steady", "takeover", "failures", "l1", ...backends];

const chosen = orExit(() => partsOf(positionals[0]));
const runtime = await openRuntime({
  on: options.on,
  effect: orExit(() => wholeNumber("--effect", options.effect, 3, 4)) as EffectMajor,
  before: options.before,
}).catch(giveUp);

async function measure(part: string): Promise<Measured> {
  if (part === "costs") return await measureCosts();
  if (part === "memory") {
    const rows = inMemory.filter(({ title }) => only.test(title));
    return await compareRows(rows, { runtime, effort });
  }
  if (part === "herds") return await withServer("redis", benchHerds);
  if (part === "steady") return await withServer("redis", benchSteady);
  if (part === "takeover") {
    return await benchTakeovers({ runtime, turns: quick ? 1 : 5, only });
  }
  if (part === "failures") return await onEach(Object.keys(servers), benchSharedFailures);
  if (part === "l1") return await onEach(["redis", "postgres"] as const, benchL1);
  return await withServer(
    part as keyof typeof servers,
    ({ url }) => runtime.run("backend", { backend: part, url: url!, effort }),
  );
}

/** The rows about memory, and those of each server that is there. */
async function measureCosts(): Promise<Measured> {
  const all: Measured[] = [];
  for (const server of [undefined, "redis", "postgres"] as const) {
    const rows = costs.filter((row) => only.test(row.title) && serverOf(row) === server);
    if (rows.length === 0) continue;
    const compared = server === undefined
      ? compareRows(rows, { runtime, effort })
      : withServer(server, (bench) => compareRows(rows, bench), (error) => {
        console.log(`Without the rows of ${server}: ${error.message}`);
        return Promise.resolve({});
      });
    all.push(await compared);
  }
  return merged(all);
}

async function onEach<Name extends string>(
  names: readonly Name[],
  measure: (name: Name, bench: Bench) => Promise<Measured>,
): Promise<Measured> {
  const all: Measured[] = [];
  for (const name of names.filter((name) => only.test(name))) {
    all.push(await withServer(name as keyof typeof servers, (bench) => measure(name, bench)));
  }
  return merged(all);
}

function merged(all: readonly Measured[]): Measured {
  return {
    servers: all.flatMap(({ servers = [] }) => servers),
    comparisons: all.flatMap(({ comparisons = [] }) => comparisons),
    failures: all.flatMap(({ failures = [] }) => failures),
    l1: all.flatMap(({ l1 = [] }) => l1),
    goals: all.flatMap(({ goals = [] }) => goals),
  };
}

async function withServer(
  name: keyof typeof servers,
  measure: (bench: Bench) => Promise<Measured>,
  without: (error: Error) => Promise<Measured> = giveUp,
): Promise<Measured> {
  const server = await servers[name].start().catch((error: Error) => error);
  if (server instanceof Error) return await without(server);
  const { url, version, stop } = server;
  try {
    return { servers: [version], ...await measure({ runtime, effort, url }) };
  } finally {
    await stop();
  }
}

function partsOf(what: string | undefined): readonly string[] {
  if (report) return parts;
  if (what === undefined) return render ? [] : ["costs"];
  if (what === "backends") return backends;
  if (what === "redis") return ["redis", "herds"];
  if (parts.includes(what)) return [what];
  throw new Error(`Cannot measure "${what}": there is ${parts.join(", ")}`);
}

const { before } = runtime;
console.log(
  `On ${runtime.name}; ${
    "commit" in before ? `the build before is ${before.commit}` : before.missing
  }`,
);
console.log("Each with its median, and how many times better it is than the first row");
const goals: Goal[] = [];
for (const part of chosen) {
  const measured = await measure(part);
  const { comparisons = [], herds = [], failing = [], steady = [], takeovers = [] } = measured;
  const { failures = [], l1 = [] } = measured;
  if (backends.includes(part)) {
    for (const each of comparisons) console.log(`\n${comparisonTable(each)}`);
  }
  if (steady.length > 0) console.log(`\n${steadyTable(steady)}`);
  if (takeovers.length > 0) console.log(`\n${takeoverTable(takeovers)}`);
  if (failures.length > 0) console.log(`\n${sharedFailuresTable(failures)}`);
  if (l1.length > 0) console.log(`\n${l1Table(l1)}`);
  if (herds.length > 0) console.log(`\n${herdTable([...herds, ...failing])}`);
  if (!quick && !options.only) keep(part, runtime, measured);
  goals.push(...measured.goals ?? []);
}
if (goals.length > 0) console.log(`\n${goalTable(goals)}`);
if (report || render) {
  const recalled = (part: string) => recall(part, runtime.name)[0];
  await writeReport({
    costs: recall("costs"),
    memory: recalled("memory"),
    fleet: recalled("herds"),
    steady: recalled("steady"),
    takeovers: recalled("takeover"),
    failures: recalled("failures"),
    l1: recalled("l1"),
    backends: backends.map(recalled),
  });
}
process.exit(options.strict && goals.some(({ met }) => !met) ? 1 : 0);
