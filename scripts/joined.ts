import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** How many files share a process: few enough for it to stay small. */
const MOST = 12;

/** The rooms whose tests need no server. What opens clients keeps a process of its own, as others count what a server is sent. */
const rooms = /^tests\/(engine|simulation|adapters\/(kit|memory))\//;

/**
 * What has a file keep a process of its own: it changes what all files of a process have, measures it or how long it takes,
 * or starts others.
 */
const alone =
  /globalThis|\bDate\.now =|\bperformance\b|\bprocess\.|\bMetric\b|support\/(command|held|look_inside|skewed_clock)\.js/;

/**
 * Writes modules that each import several files of a compiled suite, and returns what there is to run instead of those files.
 * Node and Bun start a process for each: to load Effect there takes longer than most files' tests.
 */
export function joined(layout: string, files: readonly string[]): string[] {
  const mayShare = (file: string) =>
    rooms.test(file) && !alone.test(readFileSync(`${layout}${file}`, "utf8"));
  const { shared = [], own = [] } = Object.groupBy(
    files,
    (file) => mayShare(file) ? "shared" : "own",
  );
  mkdirSync(`${layout}tests/joined`, { recursive: true });
  const modules: string[] = [];
  for (let first = 0; first < shared.length; first += MOST) {
    const module = `tests/joined/${first / MOST + 1}.test.js`;
    const text = shared.slice(first, first + MOST).map((file) => `import "../../${file}";\n`)
      .join("");
    // Another run of the same layout may be reading it.
    const path = `${layout}${module}`;
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
    modules.push(module);
  }
  return [...own, ...modules];
}
