import { readFileSync } from "node:fs";
import { must } from "../tests/support/command.ts";
import { npmInstall } from "./npm_install.ts";
import { cache, dependencies, type EffectMajor, effectVersions, root } from "./project.ts";

/** Bundles a Worker for workerd, with one Effect: the one that runs the suites, or another. */
export async function bundleWorker(
  effect: EffectMajor,
  entry = "tests/adapters/workers/main.ts",
): Promise<string> {
  const file = `${cache}workers/effect${effect}/${entry.replace(/ts$/, "js")}`;
  await bundle(effect, entry, file, [
    "--format=esm",
    "--platform=neutral",
    "--conditions=workerd",
    "--main-fields=module,main",
    "--external:node:*",
  ]);
  return readFileSync(file, "utf8");
}

/** Bundles a program of the sources into one file, with one Effect. */
export async function bundle(
  effect: EffectMajor,
  entry: string,
  file: string,
  flags: readonly string[],
): Promise<void> {
  const tools = await npmInstall("workers", {
    esbuild: "^0.28.2",
    "fast-check": dependencies["fast-check"]!,
    effect3: `npm:effect@${effectVersions[3]}`,
    effect4: `npm:effect@${effectVersions[4]}`,
  });
  await must("node", [
    `${tools}node_modules/esbuild/bin/esbuild`,
    `${root}${entry}`,
    "--bundle",
    ...flags,
    `--alias:effect=effect${effect}`,
    "--log-level=warning",
    `--outfile=${file}`,
  ], { env: { NODE_PATH: `${tools}node_modules` } });
}
