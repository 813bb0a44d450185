/**
 * Measures the library beside its neighbours, and beside its build before. `deno task bench` measures what a call costs;
 * `memory` has more hits and herds in memory, `herds` those of processes over Redis, `steady` a hot key under steady load there, `postgres` or any other module of
 * `bench/backends/` the backend beside its driver, and `backends` all of these. `deno task bench --report` measures everything and writes
 * docs/benchmarks.md and its charts; with `--render` they are written of what the last runs measured.
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
import { benchHerds } from "./bench/redis_herds.ts";
import { writeReport } from "./bench/report.ts";
import { costs, inMemory } from "./bench/rows.ts";
import { openRuntime } from "./bench/runtime.ts";
import { benchSteady } from "./bench/steady.ts";
import { comparisonTable, goalTable, herdTable, steadyTable } from "./bench/tables.ts";
import type { EffectMajor } from "./project.ts";

const { values: options, rest: positionals } = readArguments({
  name: "bench",
  does: "Measures the library beside its neighbours, and beside its build before.",
  rest: {
    value: "PART",
    help: "costs (the default), memory, herds, steady, a backend, or backends for all of them",
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
const parts = ["costs", "memory", "herds", "steady", ...backends];

const chosen = orExit(() => partsOf(positionals[0]));
const runtime = await openRuntime({
  on: options.on,
  effect: orExit(() => wholeNumber("--effect", options.effect, 3, 4)) as EffectMajor,
  before: options.before,
}).catch(giveUp);

async function measure(part: string): Promise<Measured> {
  if (part === "costs") {
    const rows = costs.filter(({ title }) => only.test(title));
    const local = rows.filter((row) => !("redis" in row || "fetch" in row));
    if (local.length === rows.length) return await compareRows(rows, { runtime, effort });
    return await withServer("redis", (bench) => compareRows(rows, bench), (error) => {
      console.log(`Without the rows of Redis: ${error.message}`);
      return compareRows(local, { runtime, effort });
    });
  }
  if (part === "memory") {
    const rows = inMemory.filter(({ title }) => only.test(title));
    return await compareRows(rows, { runtime, effort });
  }
  if (part === "herds") return await withServer("redis", benchHerds);
  if (part === "steady") return await withServer("redis", benchSteady);
  return await withServer(
    part as keyof typeof servers,
    ({ url }) => runtime.run("backend", { backend: part, url: url!, effort }),
  );
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
  const { comparisons = [], herds = [], failing = [], steady = [] } = measured;
  if (backends.includes(part)) {
    for (const each of comparisons) console.log(`\n${comparisonTable(each)}`);
  }
  if (steady.length > 0) console.log(`\n${steadyTable(steady)}`);
  if (herds.length > 0) console.log(`\n${herdTable([...herds, ...failing])}`);
  if (!quick && !options.only) keep(part, runtime, measured);
  goals.push(...measured.goals ?? []);
}
if (goals.length > 0) console.log(`\n${goalTable(goals)}`);
if (report || render) {
  const recalled = (part: string) => recall(part, runtime.name)[0]!;
  await writeReport({
    costs: recall("costs"),
    memory: recalled("memory"),
    fleet: recalled("herds"),
    steady: recalled("steady"),
    backends: backends.map(recalled),
  });
}
process.exit(options.strict && goals.some(({ met }) => !met) ? 1 : 0);
