/** Everything that can be said about the source without running it: `deno task check`. */
import { run } from "../tests/support/command.ts";
import { checkDocs } from "./check_docs.ts";
import { checkFloors } from "./check_floors.ts";
import {
  deno,
  type EffectMajor,
  importFlags,
  imports,
  lockfile,
  manifest,
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
  const nothing = Object.fromEntries(
    Object.keys(imports).map((name) => [name, "data:application/typescript,export {}"]),
  );
  const map = `data:application/json,${encodeURIComponent(JSON.stringify({ imports: nothing }))}`;
  const entryPoints = Object.values(manifest.exports);
  return check("Docs lint", ["doc", "--lint", "--import-map", map, ...entryPoints]);
}

report([
  await check("Format", ["fmt", "--check"]),
  await check("Lint", ["lint"]),
  // Apart from the tests, of which some bring other global types along.
  await check("Types, scripts", ["check", "-q", "scripts"]),
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
  await check("Lockfile", ["install", "-q", "--frozen", `--lock=${lockfile}`]),
  await check("Publish", ["publish", "--dry-run", "--allow-dirty"]),
]);
