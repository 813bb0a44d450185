/**
 * Says how many bytes a program of the plain face has, of the folder that is the working directory, with all that it loads
 * at its start of the library and of Effect: bundled by rollup, minified, and gzipped.
 */
import process from "node:process";
import { gzipSync } from "node:zlib";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { transform } from "esbuild";
import { rollup } from "rollup";

const input = `${process.cwd()}/promise.js`;
const bundle = await rollup({ input, plugins: [nodeResolve()], onwarn() {} });
const { output } = await bundle.generate({ format: "esm" });
const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
const loaded = new Set([output[0].fileName]);
for (const name of loaded) {
  for (const imported of chunks.get(name).imports) if (chunks.has(imported)) loaded.add(imported);
}
const minified = await Promise.all(
  [...loaded].map((name) => transform(chunks.get(name).code, { minify: true, format: "esm" })),
);
console.log(gzipSync(minified.map(({ code }) => code).join(""), { level: 9 }).length);
