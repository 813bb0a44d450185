import { readFileSync } from "node:fs";
// @ts-types="./miniflare.d.ts"
import { Miniflare } from "miniflare";
import { cache, dependencies, type EffectMajor, effectVersions, root } from "../project.ts";
import { npmInstall } from "../npm_install.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";

/** A Worker in workerd that runs the suites itself, with the bindings that Miniflare has. */
export const workers: Description = {
  backend: "workers",
  async start(effect) {
    const miniflare = new Miniflare({
      name: "main",
      // As they are: Miniflare would look for what they load on first use.
      modules: [{ type: "ESModule", path: "main.js", contents: await bundle(effect) }],
      host: "127.0.0.1",
      compatibilityDate: "2026-07-01",
      // For `node:assert` in the suites, and for requests that are cancelled.
      compatibilityFlags: ["nodejs_compat", "enable_request_signal"],
      d1Databases: ["DB"],
      kvNamespaces: ["KV"],
      r2Buckets: ["BUCKET"],
      serviceBindings: { SELF: "main" },
    });
    const url = await miniflare.ready;
    return {
      version: "workerd, by Miniflare",
      url: url.origin,
      stop: () => miniflare.dispose(),
    };
  },
};

/** Bundles the Worker with one Effect. */
async function bundle(effect: EffectMajor): Promise<string> {
  const tools = await npmInstall("workers", {
    esbuild: "^0.28.2",
    "fast-check": dependencies["fast-check"]!,
    effect3: `npm:effect@${effectVersions[3]}`,
    effect4: `npm:effect@${effectVersions[4]}`,
  });
  const file = `${cache}workers/effect${effect}.js`;
  await must("node", [
    `${tools}node_modules/esbuild/bin/esbuild`,
    `${root}tests/workers/main.ts`,
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
