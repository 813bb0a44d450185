import { readFileSync } from "node:fs";
import { must } from "../tests/support/command.ts";
import { npmInstall } from "./npm_install.ts";
import { cache, dependencies, type EffectMajor, effectVersions, root } from "./project.ts";

/** Bundles a Worker for workerd, with one Effect: the one that runs the suites, or another. */
export async function bundleWorker(
  effect: EffectMajor,
  entry = "tests/adapters/workers/main.ts",
): Promise<string> {
  const tools = await npmInstall("workers", {
    esbuild: "^0.28.2",
    "fast-check": dependencies["fast-check"]!,
    effect3: `npm:effect@${effectVersions[3]}`,
    effect4: `npm:effect@${effectVersions[4]}`,
  });
  const file = `${cache}workers/effect${effect}/${entry.replace(/ts$/, "js")}`;
  await must("node", [
    `${tools}node_modules/esbuild/bin/esbuild`,
    `${root}${entry}`,
    "--bundle",
    "--format=esm",
    "--platform=neutral",
    "--conditions=workerd",
    "--main-fields=module,main",
    `--alias:effect=effect${effect}`,
    "--external:node:*",
    "--log-level=warning",
    `--outfile=${file}`,
  ], { env: { NODE_PATH: `${tools}node_modules` } });
  return readFileSync(file, "utf8");
}
