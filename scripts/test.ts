/**
 * Runs the suite on what this machine has: Deno with Effect 4, Node with Effect 3 against the built npm package, and the
 * examples of the docs. With --all also with the other Effect, on Deno without any permission, Node 18 to 24, and Bun, the
 * packed package, and the model of the protocol.
 */
import { cpSync, globSync, readFileSync, rmSync } from "node:fs";
import { atOnce } from "../tests/support/at_once.ts";
import {
  type Backends,
  isElsewhere,
  missingBackends,
  startBackends,
} from "../tests/servers/backends.ts";
import { workersOf } from "../tests/servers/workers.ts";
import { backendsRequired } from "../tests/servers/environment.ts";
import { findProgram } from "../tests/servers/server.ts";
import { readArguments } from "./arguments.ts";
import { checkExports } from "./check_exports.ts";
import { testDemo } from "./demo/test_demo.ts";
import { testDocs } from "./docs.ts";
import { joined } from "./joined.ts";
import { testModel } from "./model.ts";
import { npmInstall } from "./npm_install.ts";
import { testOldest } from "./oldest.ts";
import { installedBetterSqlite3, installedBun, nodes, testPackage } from "./package.ts";
import {
  cache,
  deno,
  type EffectMajor,
  effectVersions,
  errorsJudge,
  lockedImportFlags,
  lockfile,
  root,
  sourceDependencies,
} from "./project.ts";
import { report, type Result, tally } from "./result.ts";
import { countSuite, endOf, runOnNode, suiteLimits } from "./suite.ts";
import { must, run } from "../tests/support/command.ts";
import { emit } from "./typescript.ts";
import { bundleWorker } from "./worker.ts";

interface SuiteOptions {
  /** Where the servers are. */
  readonly env: Backends["env"];
  /** All by default. */
  readonly files?: readonly string[];
  /** What is said of them. */
  readonly of?: string;
}

const majors: readonly EffectMajor[] = [4, 3];

/** The parts that a run before has passed, by their names: `--after` says where its output is. */
const passedBefore = new Set<string>();

/** Runs a part for which it is the same whether servers are there, unless a run before has passed it. */
function unlessPassed(name: string, test: () => Promise<Result>): Promise<Result> {
  if (!passedBefore.has(name)) return test();
  return tally(name, (count) => count.skip("the run before has passed it"));
}

/** Runs the suite, or some files of it, from its source. */
function testDeno(
  name: string,
  flags: readonly string[],
  { env, files = [] }: SuiteOptions,
): Promise<Result> {
  return tally(name, async (count) => {
    const args = ["test", ...flags, `--preload=${root}${errorsJudge}.ts`, ...files];
    const finished = await run(deno, args, { env, ...suiteLimits });
    const summary = finished.output.match(/\d+ passed.* \| \d+ failed.*/g)?.at(-1) ?? "";
    const sum = (word: string) => {
      const counts = summary.match(`(\\d+) ${word}(?: \\((\\d+) steps?\\))?`) ?? [];
      return Number(counts[1] ?? 0) + Number(counts[2] ?? 0);
    };
    if (finished.late) count.fail(endOf(finished.output));
    else {
      const counts = [sum("passed"), sum("failed"), sum("ignored")] as const;
      countSuite(count, finished, " ERRORS ", counts);
      for (const [, figure] of finished.output.matchAll(/^Measured: (.+)$/gm)) count.note(figure!);
    }
  });
}

/** Runs the compiled suite, or some files of it, against what npm/ holds. */
async function testNode(
  node: string,
  effect: EffectMajor,
  { env, files = testFiles(), of = "" }: SuiteOptions,
): Promise<Result> {
  const name = await nameOnNode(node, effect, of);
  return tally(
    name,
    (count) => runOnNode(count, node, { name, cwd: layoutOf(effect), env, files }),
  );
}

async function nameOnNode(node: string, effect: EffectMajor, of: string): Promise<string> {
  return `Node ${await versionOf(node)}, Effect ${effect}${of}`;
}

/**
 * Runs files of the compiled suite on Bun, each in a process of its own: `bun test` runs all in one, where the first file's
 * `after` would close what the others use.
 */
async function testBun({ env, files, of }: Required<SuiteOptions>): Promise<Result> {
  const bun = await installedBun();
  return tally(`Bun ${await versionOf(bun)}, Effect 4, ${of}`, async (count) => {
    for (const file of joined(layoutOf(4), files.map((file) => file.replace(/\.ts$/, ".js")))) {
      const flags = ["--timeout=60000", `--preload=./${errorsJudge}.js`];
      const finished = await run(bun, ["test", ...flags, `./${file}`], {
        cwd: layoutOf(4),
        env: { ...env, NO_COLOR: "1" },
        ...suiteLimits,
      });
      const { ok, late, output } = finished;
      const sum = (word: string) =>
        Number(output.match(new RegExp(`^ *(\\d+) ${word}$`, "m"))?.[1] ?? 0);
      count.pass(sum("pass"));
      count.skip(undefined, sum("skip") + sum("todo"));
      if (!ok || late) count.fail(`${file}\n${endOf(output, 80)}`, Math.max(1, sum("fail")));
    }
  });
}

async function versionOf(node: string): Promise<string> {
  return (await must(node, ["--version"])).trim();
}

const compiled = `${cache}compiled/`;

/** Builds the npm package and compiles the tests. */
function build(): Promise<Result> {
  return tally("The npm package is built, with the exports of deno.json", async (count) => {
    const built = await must(deno, ["task", "build:npm"], { timeout: 600_000 });
    count.note(built.trimEnd().split("\n").at(-1)!);
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
  return [
    "-A",
    "--no-check",
    ...(effect === 4 ? [`--lock=${lockfile}`] : lockedImportFlags(effect)),
  ];
}

/** The commands that start a process of the suites that have several: of Deno, and of Node where there is one. */
function processes(node: string | undefined): Record<string, string> {
  const ofDeno = [deno, "run", ...denoFlags(4), `${root}tests/support/caller.ts`];
  const ofNode = [node, `${layoutOf(3)}tests/support/caller.js`];
  return { CALLERS: JSON.stringify(node ? [ofDeno, ofNode] : [ofDeno]) };
}

/** Why a backend has no server. R2's suite has that of S3, as R2's S3 API is tested there. */
function reasonWithout(of: string, { missing }: Backends): string | undefined {
  return missing.find(({ backend }) => backend === (of === "r2" ? "s3" : of))?.reason;
}

/** What runs against a real server, and what does not and why. */
function servers(started: readonly Backends[]): Promise<Result> {
  return tally("Real servers", (count) => {
    for (const { backend, version } of started[0]!.servers) {
      count.pass();
      count.note(`${backend}: ${version}`);
    }
    const missing = new Map(
      started.flatMap(({ missing }) =>
        missing.map(({ backend, reason }) => [backend, reason] as const)
      ),
    );
    for (const [backend, reason] of missing) {
      if (backendsRequired) count.fail(`${backend}: ${reason}`);
      else count.skip(`${backend}: ${reason}`);
    }
  });
}

/** Which runtimes and Effects the suites run on. */
interface Scope {
  /** The Nodes that are there, the oldest first. */
  readonly nodes: readonly string[];
  /** Whether those are many, and each Effect has its turn on Deno and on Node. */
  readonly all: boolean;
}

/** The seeds of a suite that runs elsewhere with more: each Effect has the default once, on Deno with 4 and on Node with 3. */
const fewSeeds = { SEEDS: "10" };

/** A piece of work, with servers that nothing else uses meanwhile: suites look at all that they are sent. */
type Tests = (env: Backends["env"]) => Promise<Result>;

/**
 * The suites of several processes, one after the other, as each has all of the machine. They run once, with processes of Deno
 * with Effect 4 and of the oldest Node with Effect 3 in turns.
 */
async function testProcesses(
  groups: ReadonlyMap<string, readonly string[]>,
  started: Backends,
  env: Backends["env"],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [of, all] of groups) {
    const files = all.filter(needsProcesses);
    if (files.length === 0 || reasonWithout(of, started) !== undefined) continue;
    const name = `Deno ${Deno.version.deno}, Effect 4, processes over ${of}`;
    results.push(await testDeno(name, denoFlags(4), { env, files }));
  }
  return results;
}

function needsProcesses(file: string): boolean {
  return file.endsWith("/processes.test.ts");
}

/**
 * The suite of one backend, or the engine's, wherever one Effect has its turn. Of several Nodes, the newest has Effect 4 and
 * the oldest Effect 3. Bad input is made up with Effect 4.
 */
async function testsOfGroup(
  of: string,
  all: readonly string[],
  effect: EffectMajor,
  scope: Scope,
): Promise<Tests[]> {
  const { nodes } = scope;
  const alone = all.filter((file) => !needsProcesses(file));
  const files = alone.filter((file) => !/^tests\/adapters\/\w+\/fuzz\.test\.ts$/.test(file));
  // Node 18 has no SQLite, and better-sqlite3 needs a newer one.
  const node = effect === 4 || of === "sqlite" ? nodes.at(-1) : nodes[0];
  const library = scope.all && effect === 3 && of === "sqlite"
    ? { BETTER_SQLITE3: await installedBetterSqlite3("13") }
    : {};
  // With Effect 3, adapters run on Node. Those of Workers run in workerd.
  const onDeno = effect === 4 || node === undefined ||
    scope.all && ["the engine", "workers"].includes(of);
  const onNode = node !== undefined && of !== "workers" && (effect === 3 || scope.all);
  const oldest = nodes.length > 1 && of !== "workers" && (effect === 4 || of === "the engine");
  const onBun = nodes.length > 1 && effect === 4 && bunServers.has(of);
  const name = `Deno ${Deno.version.deno}, Effect ${effect}`;
  const flags = denoFlags(effect);
  const few = (runsMore: boolean) => runsMore ? {} : fewSeeds;
  const tests: (Tests | false)[] = [
    onDeno && ((env) => {
      const test = () =>
        withWorker(
          effect,
          env,
          (env) =>
            testDeno(`${name}, ${of}`, flags, {
              env: { ...few(effect === 4 || node === undefined), ...env },
              files: effect === 4 ? alone : files,
            }),
        );
      return sameWithoutServers.has(of) ? unlessPassed(`${name}, ${of}`, test) : test();
    }),
    onNode &&
    ((env) =>
      testNode(node, effect, {
        env: { ...few(effect === 3), ...env, ...library },
        files,
        of: `, ${of}`,
      })),
    oldest &&
    ((env) => testOldest(of, effect, { node: nodeOfOldest(of, effect, nodes), env, files })),
    onBun && ((env) => testBun({ env, files: files.filter((file) => runsOnBun.test(file)), of })),
  ];
  return tests.filter((tests) => tests !== false);
}

/** Those whose suites start all that they need; those of several processes are not among them. */
const sameWithoutServers: ReadonlySet<string> = new Set(["the engine", "sqlite", "workers"]);

/**
 * The engine's suite with the oldest Effect has the Node that the newest doesn't have: so the oldest and the newest Node run it
 * with both. The clients of the others need a newer Node than the oldest.
 */
function nodeOfOldest(of: string, effect: EffectMajor, nodes: readonly string[]): string {
  return of === "the engine" && effect === 4 ? nodes[0]! : nodes.at(-1)!;
}

/** Those servers, with a Worker of this Effect: theirs has Effect 4. */
async function withWorker<A>(
  effect: EffectMajor,
  env: Backends["env"],
  work: (env: Backends["env"]) => Promise<A>,
): Promise<A> {
  if (effect === 4 || !env["WORKERS_URL"]) return await work(env);
  const worker = await workersOf(() => bundleWorker(effect)).start();
  try {
    return await work({ ...env, WORKERS_URL: worker.url });
  } finally {
    await worker.stop();
  }
}

/** The backends whose clients are tested on Bun, and what is tested of them: what doesn't start servers or processes. */
const bunServers: ReadonlySet<string> = new Set(["redis", "postgres", "sqlite"]);
const runsOnBun = /\/(redis|push|postgres|pg|sqlite|sqlite\/fuzz)\.test\.ts$/;

function testFiles(): string[] {
  return globSync("tests/**/*.test.ts", { cwd: root }).sort();
}

/** Of files of the suite, those of each backend, and the engine's. */
function groupsOf(files: readonly string[]): Map<string, string[]> {
  return Map.groupBy(files, (file) => {
    const [, room] = /^tests\/adapters\/(\w+)\//.exec(file) ?? [];
    return room === undefined || room === "kit" || room === "memory" ? "the engine" : room;
  });
}

/**
 * What needs no servers: the engine on Bun and on the Nodes between the oldest and the newest, each with one Effect in turns,
 * with few seeds, as chance has its turn elsewhere; Deno without any permission, the packed package, the model.
 */
function testsOfTheRest(nodes: readonly string[]): (() => Promise<Result>)[] {
  const files = groupsOf(testFiles()).get("the engine")!;
  const env = { SEEDS: "1" };
  return [
    () => testDeno("Deno, no flags", [], { env: {} }),
    testPackage,
    testModel,
    ...nodes.slice(1, -1).map((node, i) => async () => {
      const effect = majors[(i + 1) % 2]!;
      const of = ", the engine";
      const name = await nameOnNode(node, effect, of);
      return unlessPassed(name, () => testNode(node, effect, { env, files, of }));
    }),
    () => testBun({ env, files, of: "the engine" }),
  ];
}

/** The page of docs/playground/ in the browser that is there; only with --all, as its driver is downloaded. */
async function testPlayground(all: boolean): Promise<Result> {
  const name = "Playground in Chromium";
  try {
    const CHROMIUM = await findProgram("chromium", "google-chrome");
    if (!all) return tally(name, (count) => count.skip("`--all` runs it"));
    const files = ["docs/playground/page.test.ts"];
    return await testDeno(name, denoFlags(4), { env: { CHROMIUM }, files });
  } catch (error) {
    const reason = (error as Error).message;
    return tally(
      name,
      (count) => all && backendsRequired ? count.fail(reason) : count.skip(reason),
    );
  }
}

/** How many suites run at once, each with servers of its own: those with servers wait much of the time. */
const MOST_AT_ONCE = 4;

/** Says what will be done, what is left out, and about how long it takes. */
async function announce(all: boolean, node: string | undefined): Promise<void> {
  if (all) {
    console.log(
      "Tests the library on Deno, Bun and Node 18 to 24, each with Effect 4 or 3, against every server, the docs, the " +
        "packed package, the page and the model: about 25 minutes on 2 cores. Servers that no package has are fetched or built first",
    );
    return;
  }
  const missing = await missingBackends({ fetch: false });
  const on = node === undefined
    ? "Deno; no Node is here to test the npm package on"
    : `Deno with Effect 4, on Node ${node} with Effect 3`;
  const minutes = missing.length === 0 ? 10 : missing.length < 8 ? 8 : 5;
  const skipped = missing.length === 0
    ? ""
    : `the tests that need a server of ${missing.join(", ")}; `;
  console.log(
    `Tests the library on ${on}, and the docs: about ${minutes} minutes on 2 cores. Skips ` +
      `${skipped}what \`--all\` adds: the other Effect on each, other Nodes, the packed package, the model, the page, servers that must be fetched`,
  );
}

async function main(all: boolean): Promise<void> {
  const results: Result[] = [];
  const started: Backends[] = [];
  try {
    const node = await versionOf("node").catch(() => undefined);
    await announce(all, node);
    if (node !== undefined) results.push(await build());
    const installed = all ? await nodes() : node !== undefined ? ["node"] : [];
    // Before several suites would install it at once.
    if (all) await installedBun();
    const worker = bundleWorker(4);
    const start = () => startBackends(() => worker, { fetch: all });
    started.push(await start());
    // What stands elsewhere is there once.
    const lanes = started[0]!.servers.some(isElsewhere) ? 1 : MOST_AT_ONCE;
    started.push(...await Promise.all(Array.from({ length: lanes - 1 }, start)));
    results.push(await servers(started));
    const scope = { nodes: installed, all };
    const groups = groupsOf(testFiles());
    // Those that take longest begin first, behind those of several processes.
    const first = ["redis", "postgres", "mongodb", "the engine", "workers"];
    const work: Tests[] = [];
    for (const of of new Set([...first, ...groups.keys()])) {
      const reason = reasonWithout(of, started[0]!);
      if (reason !== undefined) {
        results.push(await tally(`With a server, ${of}`, (count) => count.skip(reason)));
        // What R2's suite tests besides has no server.
        if (of !== "r2") continue;
      }
      for (const effect of majors) {
        work.push(...await testsOfGroup(of, groups.get(of)!, effect, scope));
      }
    }
    if (all) work.push(...testsOfTheRest(installed));
    work.push(() => unlessPassed("Demo", testDemo), () => testPlayground(all));
    for (const effect of majors) {
      if (effect === 3 && !all) continue;
      work.push((env) => withWorker(effect, env, (env) => testDocs(effect, env)));
    }
    const commands = processes(installed[0]);
    const envs = started.map(({ env }) => ({ ...commands, ...env }));
    const several = (env: Backends["env"]) => testProcesses(groups, started[0]!, env);
    const lanesOf = [several, ...work].map((tests) => (lane: number) => tests(envs[lane]!));
    results.push(...(await atOnce<Result | Result[]>(lanes, lanesOf)).flat());
  } finally {
    for (const backends of started) await backends.stop();
  }
  report(results);
}

const { values: { all, after } } = readArguments({
  name: "test",
  does:
    "Runs the suite on what this machine has: on Deno with Effect 4 from its source, on Node with\n" +
    "Effect 3 against the built npm package, and the examples of the docs.",
  options: {
    all: {
      type: "boolean",
      help:
        "add the other Effect on each, other Nodes, Bun, the packed package, and the model; fetch servers",
    },
    after: {
      type: "string",
      value: "FILE",
      help:
        "leave out the parts without servers that a run of the same source has passed; FILE has its output",
    },
  },
  more:
    "Servers that are installed are started; a variable like REDIS_URL names another. Without one, the\n" +
    "tests that need it are skipped. With BACKENDS=required that is a failure.",
});
if (after !== undefined) {
  for (const [, name] of readFileSync(after, "utf8").matchAll(/^ok +(.+): \d+ passed/gm)) {
    passedBefore.add(name!);
  }
}
await main(all);
