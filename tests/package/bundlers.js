/**
 * Bundles consumer.js, of the folder that is the working directory, with each bundler, though no client is installed, and
 * runs the bundles. Says what came of each in a line of JSON: what it imports besides and prints, or what failed.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rspack } from "@rspack/core";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import webpack from "webpack";

const entry = `${process.cwd()}/consumer.js`;

const bundlers = {
  esbuild: (outdir) =>
    esbuild({
      entryPoints: [entry],
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      logLevel: "silent",
      outdir,
    }),
  rollup: async (dir) => {
    const bundle = await rollup({ input: entry, plugins: [nodeResolve()], onwarn() {} });
    await bundle.write({ dir, format: "esm" });
  },
  vite: (outDir) =>
    vite({
      configFile: false,
      logLevel: "silent",
      build: { ssr: entry, outDir },
      ssr: { noExternal: true },
    }),
  webpack: (path) => pack(webpack, path),
  rspack: (path) => pack(rspack, path),
};

async function pack(bundler, path) {
  const stats = await promisify(bundler)({
    mode: "production",
    target: "node18",
    entry,
    output: { path, filename: "consumer.js", module: true, chunkFormat: "module" },
    experiments: { outputModule: true },
  });
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
}

for (const [bundler, bundle] of Object.entries(bundlers)) {
  const folder = `${process.cwd()}/bundles/${bundler}`;
  mkdirSync(folder, { recursive: true });
  try {
    await bundle(folder);
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
    const { stdout: output } = await promisify(execFile)(process.execPath, [`${folder}/consumer.js`]);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".js"));
    const text = files.map((name) => readFileSync(`${folder}/${name}`, "utf8")).join("\n");
    const imports = [...text.matchAll(/\bimport\("(@[^"]+)"\)/g)].map(([, name]) => name);
    console.log(JSON.stringify({ bundler, bytes: text.length, imports, output }));
  } catch (error) {
    console.log(JSON.stringify({ bundler, error: String(error.message).slice(0, 2000) }));
  }
}
