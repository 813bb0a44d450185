/**
 * Runs the suite on what this machine has: Deno, and Node against the built npm package, each with Effect 4 and 3, and
 * the examples of the docs. With --all also Deno without any permission, Node 18 to 24, and the packed package.
 */
import { cpSync, globSync, rmSync } from "node:fs";
import process from "node:process";
import { type Backends, startBackends } from "./backends.ts";
import { buildNpm } from "./build_npm.ts";
import { checkExports } from "./check_exports.ts";
import { testDocs } from "./docs.ts";
import { npmInstall } from "./npm_install.ts";
import { nodes, testPackage } from "./package.ts";
import {
  cache,
  type EffectMajor,
  effectVersions,
  importFlags,
  root,
  sourceDependencies,
} from "./project.ts";
import { type Count, report, type Result, tally } from "./result.ts";
import { deno, type Finished, must, run } from "./shell.ts";
import { emit } from "./typescript.ts";

const majors: readonly EffectMajor[] = [4, 3];

/** Runs the suite from its source. */
function testDeno(name: string, flags: readonly string[], env: Backends["env"]): Promise<Result> {
  return tally(name, async (count) => {
    const finished = await run(deno, ["test", ...flags], { env });
    const summary = finished.output.match(/\d+ passed.* \| \d+ failed.*/g)?.at(-1) ?? "";
    const sum = (word: string) => {
      const counts = summary.match(`(\\d+) ${word}(?: \\((\\d+) steps?\\))?`) ?? [];
      return Number(counts[1] ?? 0) + Number(counts[2] ?? 0);
    };
    countSuite(count, finished, " ERRORS ", [sum("passed"), sum("failed"), sum("ignored")]);
  });
}

/** Runs the compiled suite against what npm/ holds. */
async function testNode(node: string, effect: EffectMajor, env: Backends["env"]): Promise<Result> {
  const version = (await must(node, ["--version"])).trim();
  return tally(`Node ${version}, Effect ${effect}`, async (count) => {
    const cwd = await layOut(effect);
    const tests = globSync("tests/*.test.js", { cwd }).sort();
    const finished = await run(node, ["--test", "--test-reporter=spec", ...tests], { cwd, env });
    const sum = (word: string) =>
      Number(finished.output.match(new RegExp(`^\\S+ ${word} (\\d+)$`, "m"))?.[1] ?? 0);
    countSuite(count, finished, "failing tests:", [
      sum("pass"),
      sum("fail") + sum("cancelled"),
      sum("skipped") + sum("todo"),
    ]);
  });
}

function countSuite(
  count: Count,
  { ok, output }: Finished,
  headingOfFailures: string,
  [passed, failed, skipped]: readonly [number, number, number],
): void {
  count.pass(passed);
  count.skip(undefined, skipped);
  const failures = output.slice(Math.max(0, output.lastIndexOf(headingOfFailures)));
  if (!ok || failed > 0) count.fail(failures, Math.max(1, failed));
}

const compiled = `${cache}compiled/`;

/** Builds the npm package and compiles the tests. */
function build(): Promise<Result> {
  return tally("The npm package is built, with the exports of deno.json", async (count) => {
    count.note(`built with ${await buildNpm()}`);
    checkExports();
    rmSync(compiled, { recursive: true, force: true });
    await emit(globSync("tests/**/*.ts", { cwd: root }), compiled, { noCheck: true });
    count.pass();
  });
}

/** Lays the built package's own files and the compiled tests beside one Effect. */
async function layOut(effect: EffectMajor): Promise<string> {
  const packages = { ...sourceDependencies, effect: effectVersions[effect] };
  const folder = `${await npmInstall(`effect${effect}`, packages)}run/`;
  rmSync(folder, { recursive: true, force: true });
  cpSync(compiled, folder, { recursive: true });
  cpSync(`${root}npm/esm`, folder, { recursive: true });
  return folder;
}

function printServers({ servers }: Backends): void {
  console.log("\nReal servers");
  for (const { backend, version, url } of servers) console.log(`  ${backend}: ${version}, ${url}`);
  if (servers.length === 0) console.log("  none");
}

async function main(all: boolean): Promise<void> {
  const backends = await startBackends();
  const { env } = backends;
  const results: Result[] = [];
  try {
    for (const effect of majors) {
      const imports = effect === 4 ? [] : importFlags(effect);
      const flags = ["-A", "--no-check", ...imports];
      results.push(await testDeno(`Deno ${Deno.version.deno}, Effect ${effect}`, flags, env));
    }
    if (all) results.push(await testDeno("Deno, no flags", [], {}));
    for (const effect of majors) results.push(await testDocs(effect, env));
    if (all || (await run("node", ["--version"])).ok) {
      results.push(await build());
      for (const node of all ? await nodes() : ["node"]) {
        for (const effect of majors) results.push(await testNode(node, effect, env));
      }
    } else console.log("No Node here: the npm package is not tested");
    if (all) results.push(await testPackage());
  } finally {
    await backends.stop();
  }
  printServers(backends);
  report(results);
}

await main(process.argv.includes("--all"));
