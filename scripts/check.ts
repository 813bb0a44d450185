/** Everything that can be said about the source without running it: `deno task check`. */
import { globSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { atOnce } from "../tests/support/at_once.ts";
import { run } from "../tests/support/command.ts";
import { readArguments } from "./arguments.ts";
import { checkDocs } from "./check_docs.ts";
import { checkFloors } from "./check_floors.ts";
import { checkRelease } from "./check_release.ts";
import {
  benchLockfile,
  deno,
  type EffectMajor,
  importFlags,
  imports,
  lockfile,
  manifest,
  root,
  sources,
} from "./project.ts";
import { report, type Result, tally } from "./result.ts";

function check(name: string, args: readonly string[]): Promise<Result> {
  return tally(name, async (count) => {
    const { ok, output } = await run(deno, args);
    if (ok) count.pass();
    else count.fail(output);
  });
}

function types(effect: EffectMajor, files: readonly string[]): Promise<Result> {
  return check(`Types, Effect ${effect}`, ["check", "-q", ...importFlags(effect), ...files]);
}

/** Without the types of the dependencies: otherwise the lint asks for their documentation, too. */
function docsLint(): Promise<Result> {
  const modules = globSync("{src,adapters,tests/conformance}/**/*.ts", { cwd: root }).flatMap(
    (file) => readFileSync(`${root}${file}`, "utf8").match(/(?<=from ")effect\/\w+(?=";)/g) ?? [],
  );
  const names = [...Object.keys(imports).filter((name) => !name.endsWith("/")), ...modules];
  const nothing = Object.fromEntries(
    names.map((name) => [name, "data:application/typescript,export {}"]),
  );
  const map = `data:application/json,${encodeURIComponent(JSON.stringify({ imports: nothing }))}`;
  const entryPoints = Object.values(manifest.exports);
  return check("Docs lint", ["doc", "--lint", "--import-map", map, ...entryPoints]);
}

/** Every task prints its own help for `--help`, and does nothing else. */
function helpOfTasks(): Promise<Result> {
  return tally("Help of every task", async (count) => {
    await atOnce(
      2,
      Object.entries(manifest.tasks).map(([name, { command }]) => async () => {
        const { ok, output } = await run("sh", ["-c", `${command} --help`], {
          env: { PATH: `${dirname(deno)}:${process.env["PATH"]}` },
        });
        if (ok && output.includes(`Usage: deno task ${name} [options]`)) count.pass();
        else count.fail(`deno task ${name} --help\n${output}`);
      }),
    );
  });
}

readArguments({
  name: "check",
  does:
    "Checks all that can be said of the source without running it: format, lint, types with both\n" +
    "Effects, docs, floors, the lockfile, the help of the tasks, and what JSR would refuse.",
});
report([
  await check("Format", ["fmt", "--check"]),
  await check("Lint", ["lint"]),
  // Apart from the tests, of which some bring other global types along.
  await check("Types, scripts", ["check", "-q", ...importFlags(4), "scripts"]),
  await check("Types, the page", ["check", "-q", ...importFlags(4), "docs/playground"]),
  await types(4, sources),
  await types(3, sources),
  await docsLint(),
  await tally("Links, defaults and copies in the docs", (count) => {
    checkDocs();
    count.pass();
  }),
  await tally("Floors", (count) => {
    checkFloors();
    count.pass();
  }),
  await helpOfTasks(),
  await tally("What stands in the way of a release", (count) => {
    checkRelease();
    count.pass();
  }),
  await check("Lockfile", ["install", "-q", "--frozen", `--lock=${lockfile}`]),
  await check("Lockfile of the benchmark", [
    ...["cache", "-q", "--frozen", "--no-check", "--no-config", `--lock=${benchLockfile}`],
    ...importFlags(4),
    ...globSync("scripts/bench/{program,backends/*}.ts", { cwd: root }),
  ]),
  await check("Publish", ["publish", "--dry-run", "--allow-dirty"]),
]);
