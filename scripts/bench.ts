/**
 * Measures the library beside its neighbours: `deno task bench` in memory, `deno task bench redis` in Redis, and
 * `deno task bench postgres` or any other module of `bench/backends/` beside its driver; `deno task bench backends` has
 * all of these.
 */
import { globSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { benchHits } from "./bench/hits.ts";
import { type BackendBench, benchBackend } from "./bench/backend.ts";
import { countOperations } from "./bench/operations.ts";
import { benchRedis } from "./bench/redis.ts";
import { type Goal, printGoals } from "./bench/report.ts";
import { benchStampede } from "./bench/stampede.ts";

const { values: { strict, quick }, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Exits with 1 if a goal is missed. */
    strict: { type: "boolean", default: false },
    /** A look, not a measurement. */
    quick: { type: "boolean", default: false },
  },
});
const effort = { rounds: quick ? 3 : 15, millis: quick ? 20 : 50 };
// Many short turns: a hit is so quick that what else the machine does is most of what two long turns differ by.
const short = { rounds: quick ? 6 : 60, millis: 10 };

console.log("A hit or a herd: the median, and how many times as fast as the first row");
const goals = await bench(positionals[0]);
const met = printGoals(goals);
process.exit(strict && !met ? 1 : 0);

async function bench(what = "memory"): Promise<Goal[]> {
  if (what === "memory") {
    return [
      ...await countOperations(),
      ...await benchHits(short),
      ...await benchStampede(effort),
    ];
  }
  for (const name of what === "backends" ? backends() : [what]) {
    const { bench }: { readonly bench: BackendBench } = await import(`./bench/backends/${name}.ts`);
    await benchBackend(bench, effort);
  }
  return what === "redis" ? await benchRedis(effort) : [];
}

function backends(): string[] {
  const cwd = new URL("bench/backends/", import.meta.url);
  return globSync("*.ts", { cwd }).map((file) => file.replace(/\.ts$/, "")).sort();
}
