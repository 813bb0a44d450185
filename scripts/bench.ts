/**
 * Measures the library beside its neighbours: `deno task bench` in memory, `deno task bench redis` in Redis, and
 * `deno task bench postgres` or any other module of `bench/backends/` beside its driver; `deno task bench backends` has
 * all of these. `deno task bench --report` measures everything and writes docs/benchmarks.md and its charts; with
 * `--render` they are written of what the last runs measured.
 */
import { globSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { benchHits } from "./bench/hits.ts";
import { type BackendBench, benchBackend } from "./bench/backend.ts";
import type { Goal } from "./bench/goals.ts";
import { keep, type Measured, recall } from "./bench/measured.ts";
import { countOperations } from "./bench/operations.ts";
import { print, printGoals } from "./bench/print.ts";
import { benchRedis } from "./bench/redis.ts";
import { writeReport } from "./bench/report.ts";
import { benchStampede } from "./bench/stampede.ts";

const { values: { strict, quick, report, render }, positionals } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  allowPositionals: true,
  options: {
    /** Exits with 1 if a goal is missed. */
    strict: { type: "boolean", default: false },
    /** A look, not a measurement: it is not kept. */
    quick: { type: "boolean", default: false },
    /** Measures everything, and writes the page and its charts. */
    report: { type: "boolean", default: false },
    /** Writes them, and measures only what is named. */
    render: { type: "boolean", default: false },
  },
});
const effort = { rounds: quick ? 3 : 21, millis: quick ? 20 : 50, warmup: quick ? 20 : 2000 };
// Many short turns: a hit is so quick that what else the machine does is most of what two long turns differ by.
const short = { rounds: quick ? 6 : 60, millis: 10, warmup: quick ? 10 : 100 };

const backends = globSync("*.ts", { cwd: new URL("bench/backends/", import.meta.url) })
  .map((file) => file.replace(/\.ts$/, ""))
  .sort();
/** What is measured on its own, and kept. */
const parts = ["memory", "peers", ...backends];

async function measure(part: string): Promise<Measured> {
  if (part === "memory") {
    const counted = await countOperations();
    const hits = await benchHits(short);
    const stampede = await benchStampede(effort);
    return {
      comparisons: [...hits.comparisons!, ...stampede.comparisons!],
      goals: [...counted, ...hits.goals!, ...stampede.goals!],
    };
  }
  if (part === "peers") return await benchRedis(effort);
  const { bench }: { readonly bench: BackendBench } = await import(`./bench/backends/${part}.ts`);
  return await benchBackend(bench, effort);
}

function partsOf(what: string | undefined): readonly string[] {
  if (report) return parts;
  if (what === undefined) return render ? [] : ["memory"];
  if (what === "backends") return backends;
  return what === "redis" ? ["redis", "peers"] : [what];
}

console.log("A hit or a herd: the median, and how many times as fast as the first row");
const goals: Goal[] = [];
for (const part of partsOf(positionals[0])) {
  const measured = await measure(part);
  print(measured);
  if (!quick) keep(part, measured);
  goals.push(...measured.goals ?? []);
}
const met = printGoals(goals);
if (report || render) {
  await writeReport({
    memory: recall("memory"),
    peers: recall("peers"),
    backends: backends.map(recall),
  });
}
process.exit(strict && !met ? 1 : 0);
