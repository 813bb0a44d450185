/** Proves that deno.json's exports, the files in adapters/ and the exports of npm/ are the same. */
import { readdirSync, readFileSync } from "node:fs";
import { readArguments } from "./arguments.ts";
import { entryPoints, root } from "./project.ts";

/** Throws, naming the differences, if they are not. */
export function checkExports(): void {
  const exported = new Set(entryPoints.map(({ subpath, source }) => `${subpath} ${source}`));
  const adapters = readdirSync(`${root}adapters`).filter((file) => file.endsWith(".ts")).map((
    file,
  ) => `./${file.replace(/\.ts$/, "").replaceAll("_", "-")} adapters/${file}`);
  const expected = new Set([
    ". mod.ts",
    "./devalue src/store/devalue_codec.ts",
    "./metrics src/metrics/mod.ts",
    "./promise promise.ts",
    "./schema src/store/schema_codec.ts",
    "./testing tests/conformance/mod.ts",
    ...adapters,
  ]);
  const npm = JSON.parse(readFileSync(`${root}npm/package.json`, "utf8")).exports;
  const built = new Set(
    Object.entries<{ default: string }>(npm).map(([subpath, target]) =>
      `${subpath} ${target.default.replace(/^\.\/esm\//, "").replace(/\.js$/, ".ts")}`
    ),
  );
  const differences = [
    ...missing(expected, exported, "deno.json does not export"),
    ...missing(exported, expected, "deno.json exports what is not there:"),
    ...missing(exported, built, "npm/package.json does not export"),
    ...missing(built, exported, "npm/package.json exports what deno.json does not:"),
  ];
  if (differences.length > 0) throw new Error(differences.join("\n"));
}

function missing(wanted: Set<string>, present: Set<string>, message: string): string[] {
  return [...wanted].filter((entry) => !present.has(entry)).map((entry) => `${message} ${entry}`);
}

if (import.meta.main) {
  readArguments({
    name: "check:exports",
    does: "Proves that the exports of deno.json, adapters/ and npm/ are the same.",
  });
  checkExports();
  console.log(`The ${entryPoints.length} exports are the same everywhere`);
}
