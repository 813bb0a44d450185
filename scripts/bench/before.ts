import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cache } from "../project.ts";
import { must, run } from "../../tests/support/command.ts";

/** The files of a commit. */
export interface Sources {
  /** Where its files are, with a slash at the end. */
  readonly folder: string;
  /** The exports of its deno.json. */
  readonly exports: Readonly<Record<string, string>>;
  readonly commit: string;
}

/** The reason why there is no build before. */
export interface NoSources {
  readonly missing: string;
}

const library = ["mod.ts", "promise.ts", "src", "adapters"];

/**
 * The files of a commit, by default of the last one before the change that is measured: on a branch, or with changes that
 * are not committed, the one of main below them; on main, the one below its last change of the library.
 */
export async function sourcesBefore(wanted: string | undefined): Promise<Sources | NoSources> {
  try {
    const commit = await git(
      "rev-parse",
      "--short=10",
      `${wanted ?? await commitBefore()}^{commit}`,
    );
    const folder = `${cache}bench/before/${commit}/`;
    if (!existsSync(`${folder}package.json`)) {
      mkdirSync(folder, { recursive: true });
      await git("archive", "--format=tar", `--output=${folder}all.tar`, commit);
      await must("tar", ["-xf", "all.tar"], { cwd: folder });
      writeFileSync(`${folder}package.json`, JSON.stringify({ type: "module" }));
    }
    const { exports } = JSON.parse(readFileSync(`${folder}deno.json`, "utf8"));
    return { folder, exports, commit };
  } catch (error) {
    if (wanted !== undefined) throw error;
    return { missing: `git has no build before: ${(error as Error).message.trim()}` };
  }
}

async function commitBefore(): Promise<string> {
  const head = await git("rev-parse", "HEAD");
  const base = await git("merge-base", "HEAD", "main").catch(() => head);
  if (base !== head || !(await run("git", ["diff", "--quiet", "HEAD", "--", ...library])).ok) {
    return base;
  }
  return `${await git("log", "-1", "--format=%H", "--", ...library)}~1`;
}

async function git(...args: string[]): Promise<string> {
  return (await must("git", args)).trim();
}
