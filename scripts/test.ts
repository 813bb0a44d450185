/**
 * Runs the suite on what this machine has: Deno, and Node against the built npm package, each with Effect 4 and 3, and
 * the examples of the docs. With --all also Deno without any permission, Node 18 to 24, and the packed package.
 */
import { cpSync, globSync, rmSync } from "node:fs";
import process from "node:process";
import { type Backends, backendsRequired, startBackends } from "./backends.ts";
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
    const cwd = layoutOf(effect);
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
    for (const effect of majors) await layOut(effect);
    count.pass();
  });
}

/** Lays the built package's own files and the compiled tests beside one Effect. */
async function layOut(effect: EffectMajor): Promise<void> {
  const packages = { ...sourceDependencies, effect: effectVersions[effect] };
  await npmInstall(`effect${effect}`, packages);
  const folder = layoutOf(effect);
  rmSync(folder, { recursive: true, force: true });
  cpSync(compiled, folder, { recursive: true });
  cpSync(`${root}npm/esm`, folder, { recursive: true });
}

function layoutOf(effect: EffectMajor): string {
  return `${cache}effect${effect}/run/`;
}

/** The flags with which Deno runs the source. */
function denoFlags(effect: EffectMajor): string[] {
  return ["-A", "--no-check", ...(effect === 4 ? [] : importFlags(effect))];
}

/** The commands that start a process of the suites that have several: of Deno, and of Node where there is one. */
function processes(effect: EffectMajor, withNode: boolean): Record<string, string> {
  const ofDeno = [deno, "run", ...denoFlags(effect), `${root}tests/support/caller.ts`];
  const ofNode = ["node", `${layoutOf(effect)}tests/support/caller.js`];
  return { CALLERS: JSON.stringify(withNode ? [ofDeno, ofNode] : [ofDeno]) };
}

/** What ran against a real server, and what did not and why. */
function servers({ servers, missing }: Backends): Promise<Result> {
  return tally("Real servers", (count) => {
    if (servers.length === 0) count.note("none");
    count.pass(servers.length || 1);
    for (const { backend, version, url } of servers) {
      count.note(`${backend}: ${version}, ${url}`);
    }
    for (const { backend, reason } of missing) {
      if (backendsRequired) count.fail(`${backend}: ${reason}`);
      else count.skip(`${backend}: ${reason}`);
    }
  });
}

async function main(all: boolean): Promise<void> {
  const backends = await startBackends();
  const results: Result[] = [await servers(backends)];
  const withNode = all || (await run("node", ["--version"])).ok;
  const env = (effect: EffectMajor) => ({ ...backends.env, ...processes(effect, withNode) });
  try {
    if (withNode) results.push(await build());
    else console.log("No Node here: the npm package is not tested");
    const installed = all ? await nodes() : withNode ? ["node"] : [];

    // One suite at a time, for those who measure time; beside it, what nobody measures.
    const [suites, rest] = await Promise.all([
      inTurn([
        ...majors.map((effect) => () =>
          testDeno(`Deno ${Deno.version.deno}, Effect ${effect}`, denoFlags(effect), env(effect))
        ),
        ...installed.flatMap((node) =>
          majors.map((effect) => () => testNode(node, effect, env(effect)))
        ),
      ]),
      inTurn([
        ...majors.map((effect) => () => testDocs(effect, backends.env)),
        ...(all ? [() => testDeno("Deno, no flags", [], {}), testPackage] : []),
      ]),
    ]);
    results.push(...suites, ...rest);
  } finally {
    await backends.stop();
  }
  report(results);
}

async function inTurn(tests: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const test of tests) results.push(await test());
  return results;
}

await main(process.argv.includes("--all"));
