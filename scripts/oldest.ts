import { cpSync, rmSync } from "node:fs";
import { run } from "../tests/support/command.ts";
import { npmInstall } from "./npm_install.ts";
import { installedBetterSqlite3 } from "./package.ts";
import {
  cache,
  dependencies,
  type EffectMajor,
  errorsJudge,
  oldestVersions,
  root,
  sourceDependencies,
} from "./project.ts";
import { type Result, tally } from "./result.ts";

/** What a suite runs with. */
export interface OldestOptions {
  readonly node: string;
  /** Where the servers are. */
  readonly env: Readonly<Record<string, string>>;
  /** The tests of the suite. */
  readonly files: readonly string[];
}

/** Those that tell nothing of a version, or need a newer one: in a cluster ioredis has lasting push from 5.9 on. */
const others = /\/(cluster|outages)\.test\.ts$/;

/** Without pgbouncer: behind it postgres.js loses answers before 3.4.8. */
const without = { PGBOUNCER_URL: "", BACKENDS: "" };

/**
 * Runs a suite with the oldest versions that npm's peers allow. Those of adapters run with Effect 4 alone, and in workerd
 * there are no clients.
 */
export async function testOldest(
  of: string,
  effect: EffectMajor,
  { node, env, files }: OldestOptions,
): Promise<Result[]> {
  if (of === "workers" || effect === 3 && of !== "the engine") return [];
  return [
    await tally(`Oldest versions, Effect ${effect}, ${of}`, async (count) => {
      const cwd = await (laidOut[effect] ??= layOut(effect));
      const tests = files.filter((file) => !others.test(file))
        .map((file) => file.replace(/\.ts$/, ".js"));
      const flags = [
        `--import=./${errorsJudge}.js`,
        ...["--test", "--test-concurrency=1", "--test-reporter=spec"],
      ];
      const options = {
        cwd,
        env: {
          ...{ ...env, ...without, SEEDS: "1", OLDEST: "1" },
          ...of === "sqlite" && { BETTER_SQLITE3: await installedBetterSqlite3("13.0.0") },
        },
        timeout: 600_000,
      };
      const { ok, output } = await run(node, [...flags, ...tests], options);
      const sum = (word: string) =>
        Number(output.match(new RegExp(`^\\S+ ${word} (\\d+)$`, "m"))?.[1] ?? 0);
      count.pass(sum("pass"));
      count.skip(undefined, sum("skipped") + sum("todo"));
      if (!ok) count.fail(output.slice(Math.max(0, output.lastIndexOf("failing tests:"))));
    }),
  ];
}

const laidOut: Partial<Record<EffectMajor, Promise<string>>> = {};

/** Lays the built package's own files and the compiled tests beside them; says where. */
async function layOut(effect: EffectMajor): Promise<string> {
  const folder = `${await npmInstall(`oldest${effect}`, packages(effect))}run/`;
  rmSync(folder, { recursive: true, force: true });
  cpSync(`${cache}compiled/`, folder, { recursive: true });
  cpSync(`${root}npm/esm`, folder, { recursive: true });
  return folder;
}

/** What the suites import, by the names of the import map, in which one package may have two: `ioredis`, `ioredis6`. */
function packages(effect: EffectMajor): Record<string, string> {
  const all: Record<string, string> = { ...sourceDependencies };
  for (const alias of Object.keys(sourceDependencies)) {
    const [, name = alias, range = ""] = /^(?:npm:(.+)@)?(.+)$/.exec(dependencies[alias]!)!;
    const oldest = oldestOf(name, alias === "effect" ? String(effect) : range);
    if (oldest !== undefined) all[alias] = name === alias ? oldest : `npm:${name}@${oldest}`;
  }
  return all;
}

/** The oldest version of the major that a range has. */
function oldestOf(name: string, range: string): string | undefined {
  const major = (version: string) => /\d+/.exec(version)?.[0];
  return oldestVersions[name]?.find((version) => major(version) === major(range));
}
