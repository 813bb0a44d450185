import process from "node:process";
import { regressions } from "./regressions.ts";
import { scenarioOf } from "./scenario.ts";
import { shrink, trial } from "./trial.ts";

/**
 * Plays seeds, given the first and how many; prints each that breaks a promise, and what is left of it, shrunk. `--first`:
 * only the first such, as it is. `--kept`: before them the scenarios that are kept.
 */
const [first, count, ...flags] = process.argv.slice(2);
const onlyFirst = flags.includes("--first");
const kept = flags.includes("--kept") ? regressions.map(({ scenario }) => scenario) : [];
const seeds = Array.from({ length: Number(count) }, (_, index) => Number(first) + index);
let found = 0;
for (const each of [...kept, ...seeds]) {
  const scenario = typeof each === "number" ? scenarioOf(each) : each;
  const { seed } = scenario;
  const [broken] = await trial(scenario);
  if (broken === undefined) continue;
  console.log(`BROKEN seed ${seed}: ${broken.promise}: ${broken.what}, at ${broken.at} ms`);
  found++;
  if (onlyFirst) break;
  const smallest = await shrink(scenario, broken.promise);
  const [left] = await trial(smallest);
  console.log(`  shrunk: ${left?.what}\n  ${JSON.stringify(smallest)}`);
  if (found === 3) {
    console.log("  enough; the other seeds were not played");
    break;
  }
}
if (found > 0) process.exitCode = 1;
