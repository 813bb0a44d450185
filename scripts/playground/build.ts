import { copyFileSync, mkdirSync } from "node:fs";
import { cache, root } from "../project.ts";
import { bundle } from "../worker.ts";

/** The folder of the page's source. */
const source = `${root}docs/playground/`;

/** Builds the page, and returns its folder: index.html there can be opened from disk. */
export async function buildPlayground(): Promise<string> {
  const folder = `${cache}playground/`;
  mkdirSync(folder, { recursive: true });
  for (const file of ["index.html", "playground.css"]) copyFileSync(source + file, folder + file);
  await bundle(4, "docs/playground/page.ts", `${folder}playground.js`, [
    "--format=iife",
    "--minify",
    // The adapters but memory, which the library loads when they are used: nothing here uses them.
    "--external:./load.ts",
  ]);
  return folder;
}
