/**
 * Runs the suite on what this machine has: Deno with Effect 4, Node with Effect 3 against the built npm package, and the
 * examples of the docs. With --all also with the other Effect, on Deno without any permission, Node 18 to 24, and Bun, the
 * packed package, and the model of the protocol.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { atOnce } from "../tests/support/at_once.ts";
import { type Backends, missingBackends, startBackends } from "../tests/servers/backends.ts";
import { backendsRequired } from "../tests/servers/environment.ts";
import { readArguments } from "./arguments.ts";
import { checkExports } from "./check_exports.ts";
import { testDemo } from "./demo/test_demo.ts";
import { testDocs } from "./docs.ts";
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
import { type Count, report, type Result, tally } from "./result.ts";
import { type Finished, must, run } from "../tests/support/command.ts";
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
const suiteTimeout = 1_800_000;

/** Runs the suite, or some files of it, from its source. */
function testDeno(
  name: string,
  flags: readonly string[],
  { env, files = [] }: SuiteOptions,
): Promise<Result> {
  return tally(name, async (count) => {
    const args = ["test", ...flags, `--preload=${root}${errorsJudge}.ts`, ...files];
    const finished = await run(deno, args, { env, timeout: suiteTimeout });
    const summary = finished.output.match(/\d+ passed.* \| \d+ failed.*/g)?.at(-1) ?? "";
    const sum = (word: string) => {
      const counts = summary.match(`(\\d+) ${word}(?: \\((\\d+) steps?\\))?`) ?? [];
      return Number(counts[1] ?? 0) + Number(counts[2] ?? 0);
    };
    if (finished.late) count.fail(endOf(finished.output));
    else {
      const counts = [sum("passed"), sum("failed"), sum("ignored")] as const;
      countSuite(count, finished, " ERRORS ", counts);
    }
  });
}

/** Runs the compiled suite, or some files of it, against what npm/ holds. */
async function testNode(
  node: string,
  effect: EffectMajor,
  { env, files = testFiles(), of = "" }: SuiteOptions,
): Promise<Result> {
  const name = `Node ${await versionOf(node)}, Effect ${effect}${of}`;
  return tally(name, async (count) => {
    const cwd = layoutOf(effect);
    const tests = files.map((file) => file.replace(/\.ts$/, ".js"));
    const started = `${cache}started/${name.replaceAll(/\W+/g, "-")}.txt`;
    mkdirSync(`${cache}started`, { recursive: true });
    const flags = [
      `--import=./${errorsJudge}.js`,
      ...["--test", "--test-concurrency=1"],
      ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
      ...["--test-reporter=./tests/support/started_tests.js"],
      `--test-reporter-destination=${started}`,
    ];
    const finished = await run(node, [...flags, ...tests], { cwd, env, timeout: suiteTimeout });
    const sum = (word: string) =>
      Number(finished.output.match(new RegExp(`^\\S+ ${word} (\\d+)$`, "m"))?.[1] ?? 0);
    if (finished.late) {
      const begun = endOf(readFileSync(started, "utf8"), 3);
      return count.fail(`${endOf(finished.output)}\nThe tests that began last:\n${begun}`);
    }
    const counts = [
      sum("pass"),
      sum("fail") + sum("cancelled"),
      sum("skipped") + sum("todo"),
    ] as const;
    countSuite(count, finished, "failing tests:", counts);
    if (counts[0] + counts[1] > 0) return;
    // All of it is skipped, as on a Node without SQLite: what the suite says of it.
    const [, reason] = /^\s*﹣ .* # (.+)$/m.exec(finished.output) ?? [];
    count.skip(reason, 0);
  });
}

/**
 * Runs files of the compiled suite on Bun, each in a process of its own: `bun test` runs all in one, where the first file's
 * `after` would close what the others use.
 */
async function testBun({ env, files, of }: Required<SuiteOptions>): Promise<Result> {
  const bun = await installedBun();
  return tally(`Bun ${await versionOf(bun)}, Effect 4, ${of}`, async (count) => {
    for (const file of files) {
      const flags = ["--timeout=60000", `--preload=./${errorsJudge}.js`];
      const finished = await run(bun, ["test", ...flags, `./${file.replace(/\.ts$/, ".js")}`], {
        cwd: layoutOf(4),
        env: { ...env, NO_COLOR: "1" },
        timeout: suiteTimeout,
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

function endOf(text: string, lines = 40): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
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

/** What ran against a real server, and what did not and why. */
function servers(effect: EffectMajor, { servers, missing }: Backends): Promise<Result> {
  return tally(`Real servers, Effect ${effect}`, (count) => {
    count.pass(servers.length);
    for (const { backend, version, url } of servers) {
      count.note(`${backend}: ${version}, ${url}`);
    }
    for (const { backend, reason } of missing) {
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

/** A piece of work. */
type Tests = () => Promise<Result[]>;

/** What needs servers, with one Effect. */
interface ServerTests {
  /** By the backend, or that of the server which several share. */
  readonly suites: ReadonlyMap<string, Tests>;
  /** What uses all servers, once nothing looks any more at all that they are sent; not with an Effect whose turn it isn't. */
  readonly docs: Tests | undefined;
}

/** R2's S3 API is that of the S3 server, whose log both suites count. */
const sharedServers = { r2: "s3" } as Readonly<Record<string, string>>;

/**
 * What may need servers, with one Effect and servers of its own: a piece of work for each backend, and one for the docs. Of
 * several Nodes, the newest has the servers with Effect 4 and the oldest with Effect 3. Suites of several processes run once,
 * with processes of Deno with Effect 4 and of the oldest Node with Effect 3 in turns; and bad input is made up with Effect 4.
 *
 * So that the report says how long each takes, each backend's suite runs by itself; those of one backend look at all that its
 * servers are sent.
 */
function testsOf(effect: EffectMajor, scope: Scope, backends: Backends): ServerTests {
  const env = { ...processes(scope.nodes[0]), ...backends.env };
  const suites = new Map<string, Tests>();
  const over: Promise<void>[] = [];
  for (const [of, files] of groupsOf(testFiles())) {
    const reason = backends.missing.find(({ backend }) => backend === of)?.reason;
    const tests = reason === undefined
      ? () => testGroup({ of, files, env, effect, scope })
      : async () => [await tally(`Effect ${effect}, ${of}`, (count) => count.skip(reason))];
    const { promise, resolve } = Promise.withResolvers<void>();
    over.push(promise);
    const server = sharedServers[of] ?? of;
    const before = suites.get(server);
    suites.set(server, async () => {
      const results = before === undefined ? [] : await before();
      return [...results, ...await tests().finally(resolve)];
    });
  }
  const docs = async () => {
    await Promise.all(over);
    return [await testDocs(effect, backends.env)];
  };
  return { suites, docs: effect === 4 || scope.all ? docs : undefined };
}

/** The suite of one backend, or the engine's, wherever one Effect has its turn. */
async function testGroup({ of, files, env, effect, scope: { nodes, all } }: {
  readonly of: string;
  readonly files: readonly string[];
  readonly env: Backends["env"];
  readonly effect: EffectMajor;
  readonly scope: Scope;
}): Promise<Result[]> {
  const once = /^tests\/adapters\/\w+\/(processes|fuzz)\.test\.ts$/;
  const most = files.filter((file) => !once.test(file));
  // Node 18 has no SQLite, and better-sqlite3 needs a newer one.
  const node = effect === 4 || of === "sqlite" ? nodes.at(-1) : nodes[0];
  const library = all && effect === 3 && of === "sqlite"
    ? { BETTER_SQLITE3: await installedBetterSqlite3("13") }
    : {};
  // With Effect 3, adapters run on Node. Those of Workers run in workerd.
  const onDeno = effect === 4 || node === undefined ||
    all && ["the engine", "workers"].includes(of);
  const onNode = node !== undefined && of !== "workers" && (effect === 3 || all);
  const several = nodes.length > 1;
  const name = `Deno ${Deno.version.deno}, Effect ${effect}, ${of}`;
  return [
    ...onDeno
      ? [
        await testDeno(name, denoFlags(effect), {
          env,
          files: effect === 4 ? files : most,
        }),
      ]
      : [],
    ...onNode
      ? [await testNode(node, effect, { env: { ...env, ...library }, files: most, of: `, ${of}` })]
      : [],
    ...several ? await testOldest(of, effect, { node: nodes.at(-1)!, env, files: most }) : [],
    ...several && effect === 4 && bunServers.has(of)
      ? [await testBun({ env, files: files.filter((file) => onBun.test(file)), of })]
      : [],
  ];
}

/** The backends whose clients are tested on Bun, and what is tested of them: what doesn't start servers or processes. */
const bunServers: ReadonlySet<string> = new Set(["redis", "postgres", "sqlite"]);
const onBun = /\/(redis|push|postgres|pg|sqlite|sqlite\/fuzz)\.test\.ts$/;

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
 * What needs no servers: the engine on Bun and on the other Nodes (on the newest and the oldest with the other Effect, on those
 * between with one in turns), with few seeds, as chance has its turn elsewhere; Deno without any permission, the packed
 * package, the model.
 */
function testsOfTheRest(nodes: readonly string[]): Tests[] {
  const files = groupsOf(testFiles()).get("the engine")!;
  const env = { SEEDS: "1" };
  return [
    async () => [await testDeno("Deno, no flags", [], { env: {} })],
    async () => [await testPackage()],
    async () => [await testModel()],
    ...nodes.map((node, i) => async () => [
      await testNode(node, majors[i % 2]!, { env, files, of: ", the engine" }),
    ]),
    async () => [await testBun({ env, files, of: "the engine" })],
  ];
}

/** How many suites run at once: those with servers wait much of the time. */
const MOST_AT_ONCE = 4;

/** Says what will be done, what is left out, and about how long it takes. */
async function announce(all: boolean, node: string | undefined): Promise<void> {
  if (all) {
    console.log(
      "Tests the library on Deno, Bun and Node 18 to 24, each with Effect 4 or 3, against every server, the docs, the " +
        "packed package and the model: about 25 minutes on 2 cores. Servers that no package has are fetched or built first",
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
      `${skipped}what \`--all\` adds: the other Effect on each, other Nodes, the packed package, the model, servers that must be fetched`,
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
    for (const effect of majors) {
      started.push(await startBackends(() => bundleWorker(effect), { fetch: all }));
    }
    const scope = { nodes: installed, all };
    const tests = majors.map((effect, i) => testsOf(effect, scope, started[i]!));
    // Those that take longest begin first.
    const first = ["redis", "postgres", "mongodb", "the engine", "workers"];
    const work = [...new Set([...first, ...tests[0]!.suites.keys()])]
      .flatMap((of) => tests.map(({ suites }) => suites.get(of)))
      .filter((tests) => tests !== undefined);
    for (const [i, effect] of majors.entries()) results.push(await servers(effect, started[i]!));
    if (all) work.push(...testsOfTheRest(installed));
    work.push(async () => [await testDemo()]);
    for (const { docs } of tests) if (docs !== undefined) work.push(docs);
    results.push(...(await atOnce(MOST_AT_ONCE, work)).flat());
  } finally {
    for (const backends of started) await backends.stop();
  }
  report(results);
}

const { values: { all } } = readArguments({
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
  },
  more:
    "Servers that are installed are started; a variable like REDIS_URL names another. Without one, the\n" +
    "tests that need it are skipped. With BACKENDS=required that is a failure.",
});
await main(all);
