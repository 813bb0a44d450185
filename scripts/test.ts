/**
 * Runs the suite on what this machine has: Deno, and Node against the built npm package, each with Effect 4 and 3, and
 * the examples of the docs. With --all also Deno without any permission, Node 18 to 24, Bun, the packed package, and the
 * model of the protocol.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
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
import { installedBun, nodes, testPackage } from "./package.ts";
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

/**
 * What needs servers, with one Effect and servers of its own. Of several Nodes, the newest has the servers with Effect 4
 * and the oldest with Effect 3. Suites of several processes run once, with processes of Deno with Effect 4 and of the
 * oldest Node with Effect 3 in turns; and bad input is made up with Effect 4.
 *
 * Suites of two backends run at once, which wait much of the time.
 */
async function testWithServers(
  effect: EffectMajor,
  nodes: readonly string[],
  backends: Backends,
): Promise<Result[]> {
  const node = nodeWithServers(effect, nodes);
  const env = { ...processes(nodes[0]), ...backends.env };
  const name = `Deno ${Deno.version.deno}, Effect ${effect}`;
  const once = /^tests\/adapters\/\w+\/(processes|fuzz)\.test\.ts$/;
  // Clients beside the first of their backend: on Deno with Effect 4 alone, and on both Nodes.
  const ofLibraries = /\/(libraries|pg)\.test\.ts$/;
  // So that the report says how long each takes. Suites of one backend look at all that its servers are sent.
  const groups = groupsOf(testFiles());
  const longestFirst = new Set(["redis", "workers", "the engine", "postgres", ...groups.keys()]);
  const suites = [...longestFirst].map((of) => async () => {
    const files = groups.get(of)!;
    const most = files.filter((file) => !once.test(file));
    const reason = backends.missing.find(({ backend }) => backend === of)?.reason;
    if (reason !== undefined) {
      return [await tally(`Effect ${effect}, ${of}`, (count) => count.skip(reason))];
    }
    return [
      await testDeno(`${name}, ${of}`, denoFlags(effect), {
        env,
        files: effect === 4 ? files : most.filter((file) => !ofLibraries.test(file)),
      }),
      // Those of Workers run in workerd, whoever asks for them.
      ...node === undefined || of === "workers"
        ? []
        : [await testNode(node, effect, { env, files: most, of: `, ${of}` })],
      ...nodes.length > 1
        ? await testOldest(of, effect, { node: nodes.at(-1)!, env, files: most })
        : [],
      ...nodes.length > 1 && effect === 4 && bunServers.has(of)
        ? [await testBun({ env, files: files.filter((file) => onBun.test(file)), of })]
        : [],
    ];
  });
  return [
    await servers(effect, backends),
    ...(await atOnce(2, suites)).flat(),
    await testDocs(effect, backends.env),
    ...effect === 4 ? [await testDemo()] : [],
  ];
}

/** The backends whose clients are tested on Bun, and what is tested of them: what doesn't start servers or processes. */
const bunServers: ReadonlySet<string> = new Set(["redis", "postgres", "sqlite"]);
const onBun = /\/(redis|push|postgres|pg|sqlite)\.test\.ts$/;

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

function nodeWithServers(effect: EffectMajor, nodes: readonly string[]): string | undefined {
  return effect === 4 ? nodes.at(-1) : nodes[0];
}

/**
 * What needs no servers: the engine on Bun and on the other Nodes (on the newest and the oldest with the other Effect, on those
 * between with one in turns), with few seeds, as chance has its turn elsewhere; Deno without any permission, the packed
 * package, the model.
 */
async function testTheRest(): Promise<Result[]> {
  const installed = await nodes();
  const files = groupsOf(testFiles()).get("the engine")!;
  const engines = installed.map((node, i) => () =>
    testNode(node, majors[i % 2]!, { env: { SEEDS: "1" }, files, of: ", the engine" })
  );
  const others = [
    () => testBun({ env: { SEEDS: "1" }, files, of: "the engine" }),
    testPackage,
    () => testModel(),
    () => testDeno("Deno, no flags", [], { env: {} }),
  ];
  return (await Promise.all([atOnce(1, engines), atOnce(1, others)])).flat();
}

const rest = `${cache}rest.json`;

/** The same in a process of its own, which takes only the time that suites with servers leave: these look at clocks. */
async function testTheRestApart(): Promise<Result[]> {
  rmSync(rest, { force: true });
  const program = fileURLToPath(import.meta.url);
  const { output } = await run(deno, ["run", "-A", `--lock=${lockfile}`, program, "--rest"], {
    timeout: suiteTimeout,
  });
  try {
    return JSON.parse(readFileSync(rest, "utf8"));
  } catch {
    return [await tally("What needs no servers", (count) => count.fail(output))];
  }
}

/** Says what will be done, what is left out, and about how long it takes. */
async function announce(all: boolean, node: string | undefined): Promise<void> {
  if (all) {
    console.log(
      "Tests the library on Deno, Bun and Node 18 to 24, each with Effect 4 or 3, against every server, the docs, the " +
        "packed package and the model: about 10 minutes on 2 cores. Servers that no package has are fetched or built first",
    );
    return;
  }
  const missing = await missingBackends({ fetch: false });
  const on = node === undefined
    ? "Deno; no Node is here to test the npm package on"
    : `Deno and on Node ${node}`;
  const minutes = missing.length === 0 ? 8 : missing.length < 8 ? 6 : 3;
  const skipped = missing.length === 0
    ? ""
    : `the tests that need a server of ${missing.join(", ")}; `;
  console.log(
    `Tests the library on ${on}, each with Effect 4 and 3, and the docs: about ${minutes} minutes on 2 cores. Skips ` +
      `${skipped}what \`--all\` adds: other Nodes, the packed package, the model, servers that must be fetched`,
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
    // Before several suites, and the process of the rest, would install it at once.
    if (all) await installedBun();
    for (const effect of majors) {
      started.push(await startBackends(() => bundleWorker(effect), { fetch: all }));
    }
    const lanes = majors.map((effect, i) => testWithServers(effect, installed, started[i]!));
    if (all) lanes.push(testTheRestApart());
    for (const lane of await Promise.all(lanes)) results.push(...lane);
  } finally {
    for (const backends of started) await backends.stop();
  }
  report(results);
}

const { values: { all, rest: onlyRest } } = readArguments({
  name: "test",
  does:
    "Runs the suite on what this machine has: on Deno from its source, on Node against the built npm\n" +
    "package, each with Effect 4 and 3, and the examples of the docs.",
  options: {
    all: {
      type: "boolean",
      help:
        "add other Nodes, Deno without permissions, the packed package, and the model; fetch servers",
    },
    rest: { type: "boolean", help: "what --all adds that needs no server, alone" },
  },
  more:
    "Servers that are installed are started; a variable like REDIS_URL names another. Without one, the\n" +
    "tests that need it are skipped. With BACKENDS=required that is a failure.",
});
if (onlyRest) {
  setPriority(10);
  writeFileSync(rest, JSON.stringify(await testTheRest()));
} else {
  await main(all);
}
