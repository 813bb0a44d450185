import { globSync, rmSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { npmInstall } from "../npm_install.ts";
import { nodes } from "../package.ts";
import {
  benchLockfile,
  deno,
  dependenciesOf,
  type EffectMajor,
  effectVersions,
  importFlags,
  manifest,
  root,
} from "../project.ts";
import { must } from "../../tests/support/command.ts";
import { startWorker, type Worker } from "../../tests/support/worker.ts";
import { compile, emit } from "../typescript.ts";
import { type NoSources, type Sources, sourcesBefore } from "./before.ts";
import { versionOf } from "./machine.ts";
import type { Builds } from "./peer.ts";
import type { jobs } from "./program.ts";

type Jobs = typeof jobs;

/** How the programs of the benchmark are run. */
export interface RuntimeOptions {
  /** `deno`, a major version of Node, or the path of any Node. */
  readonly on: string;
  readonly effect: EffectMajor;
  /** The commit of the build before; the one below the change by default. */
  readonly before?: string | undefined;
}

/** What runs the programs of the benchmark, which have the library as it is and as it was before. */
export interface Runtime {
  /** `Node 20.20.2, Effect 4`. */
  readonly name: string;
  readonly effect: EffectMajor;
  readonly before: Sources | NoSources;
  /** Runs a job to its end. */
  run<Name extends keyof Jobs>(job: Name, input: InputOf<Name>): Promise<OutputOf<Name>>;
  /** What starts a process of the tests' that calls the library: tests/support/caller.ts. */
  readonly caller: readonly string[];
  /** Starts a job that is told what to do by messages. */
  start<Message, Answer>(job: keyof Jobs, input: unknown): Worker<Message, Answer>;
}

type InputOf<Name extends keyof Jobs> = Parameters<Jobs[Name]>[0];
type OutputOf<Name extends keyof Jobs> = Awaited<ReturnType<Jobs[Name]>>;

/** Builds what is measured, and finds what runs it. */
export async function openRuntime({ on, effect, before }: RuntimeOptions): Promise<Runtime> {
  const older = await sourcesBefore(before);
  const sources = "missing" in older ? undefined : older;
  const { name, command, builds } = on === "deno"
    ? onDeno(effect, sources)
    : await onNode(on, effect, sources);
  const env = { ...process.env, BENCH_BUILDS: JSON.stringify(builds), NODE_NO_WARNINGS: "1" };
  const start = <Message, Answer>(job: string, input: unknown) =>
    startWorker<Message, Answer>([...command("scripts/bench/program"), job], input, env);
  const run = <Name extends keyof Jobs>(job: Name, input: InputOf<Name>) => {
    const { next, end } = start<never, OutputOf<Name>>(job, input);
    return next().finally(end);
  };
  return {
    name: `${name}, Effect ${effect}`,
    effect,
    before: older,
    run,
    start,
    caller: command("tests/support/caller"),
  };
}

interface Found {
  readonly name: string;
  /** What runs a program, by its path from the top of the project without an extension; what it begins with comes last. */
  readonly command: (path: string) => readonly string[];
  readonly builds: Builds;
}

function onDeno(effect: EffectMajor, older: Sources | undefined): Found {
  // With a configuration, Deno would write its whole import map to the lockfile.
  const flags = ["-A", "--no-check", "--no-config", "--v8-flags=--expose-gc"];
  return {
    name: `Deno ${(process.versions as Record<string, string>).deno}`,
    command: (path) => [
      ...[deno, "run", ...flags],
      ...importFlags(effect),
      ...effect === 4 ? [`--lock=${benchLockfile}`] : [],
      `${root}${path}.ts`,
    ],
    builds: {
      now: modulesOf(root, manifest.exports),
      ...older && { before: modulesOf(older.folder, older.exports) },
    },
  };
}

/** Node runs what TypeScript compiles, beside the packages that Deno would run. */
async function onNode(
  on: string,
  effect: EffectMajor,
  older: Sources | undefined,
): Promise<Found> {
  const node = /^\d+$/.test(on) ? (await nodes()).find((path) => path.includes(`node${on}/`)) : on;
  if (node === undefined) throw new Error(`Cannot find Node ${on}: give the path of one`);
  const version = (await must(node, ["--version"])).trim().slice(1);
  const importing = ["scripts/bench/**/*.ts", "tests/adapters/*/{clients,connection}.ts"];
  const packages = Object.entries(dependenciesOf(globSync(importing, { cwd: root })));
  const folder = await npmInstall(`bench/effect${effect}`, {
    ...Object.fromEntries(
      packages.map(([name, range]) => [name, /^npm:/.test(range) ? range : versionOf(name)]),
    ),
    ...effect === 3 && { effect: effectVersions[effect] },
  });
  const now = `${folder}now/`;
  const before = `${folder}before/`;
  const programs =
    "{scripts/bench/{program,backends/*},tests/{support/caller,adapters/*/connection}}.ts";
  const files = globSync(programs, { cwd: root });
  for (const made of [now, before]) rmSync(made, { recursive: true, force: true });
  const unchecked = { noCheck: true, types: [], rewriteRelativeImportExtensions: true };
  await emit([...files, ...filesOf(manifest.exports)], now, unchecked);
  if (older) await compile(older.folder, filesOf(older.exports), before, unchecked);
  return {
    name: `Node ${version}`,
    command: (path) => [node, "--expose-gc", `${now}${path}.js`],
    builds: {
      now: modulesOf(now, compiled(manifest.exports)),
      ...older && { before: modulesOf(before, compiled(older.exports)) },
    },
  };
}

/** The modules that programs load of a build. */
const SUBPATHS = [".", "./memory", "./metrics", "./postgres", "./promise", "./redis"];

type Exports = Readonly<Record<string, string>>;

function filesOf(exports: Exports): string[] {
  return subpathsOf(exports).map((subpath) => exports[subpath]!.replace(/^\.\//, ""));
}

function compiled(exports: Exports): Exports {
  const files = Object.entries(exports);
  return Object.fromEntries(files.map(([path, file]) => [path, file.replace(/\.ts$/, ".js")]));
}

function modulesOf(folder: string, exports: Exports): Exports {
  const top = pathToFileURL(folder);
  const files = subpathsOf(exports).map((path) => [path, new URL(exports[path]!, top).href]);
  return Object.fromEntries(files);
}

/** An older build may lack some. */
function subpathsOf(exports: Exports): string[] {
  return SUBPATHS.filter((subpath) => exports[subpath] !== undefined);
}
