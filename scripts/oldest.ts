import { cpSync, rmSync } from "node:fs";
import { npmInstall } from "./npm_install.ts";
import { installedBetterSqlite3 } from "./package.ts";
import {
  cache,
  dependencies,
  type EffectMajor,
  oldestVersions,
  root,
  sourceDependencies,
} from "./project.ts";
import { type Result, tally } from "./result.ts";
import { runOnNode } from "./suite.ts";

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

/** Runs a suite with the oldest versions that npm's peers allow. */
export function testOldest(
  of: string,
  effect: EffectMajor,
  { node, env, files }: OldestOptions,
): Promise<Result> {
  const name = `Oldest versions, Effect ${effect}, ${of}`;
  return tally(name, async (count) => {
    const cwd = await (laidOut[effect] ??= layOut(effect));
    await runOnNode(count, node, {
      ...{ name, cwd, files: files.filter((file) => !others.test(file)) },
      env: {
        ...{ ...env, ...without, SEEDS: "1", OLDEST: "1" },
        ...of === "sqlite" && { BETTER_SQLITE3: await installedBetterSqlite3("13.0.0") },
      },
    });
  });
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
