import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { must } from "../tests/support/command.ts";
import { npmInstall } from "./npm_install.ts";
import { cache, effectVersions, manifest, root, sourceDependencies, sources } from "./project.ts";

/** What TypeScript and dnt compile with alike. */
export const compilerOptions: Readonly<Record<string, unknown>> = {
  target: "ES2022",
  lib: ["ES2022", "DOM"],
  strict: true,
  ...manifest.compilerOptions,
};

/** The version of Node's types that the package is built with. */
export const nodeTypes = "^24";

/** Compiles files, and what they import, into a folder, in the same layout; `./x.ts` becomes `./x.js`. */
export async function emit(
  files: readonly string[],
  outDir: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const folder = await npmInstall("build", {
    ...sourceDependencies,
    effect: effectVersions[4],
    typescript: "^7.0.2",
    "@types/node": nodeTypes,
  });
  for (const source of [...sources, "scripts"]) {
    rmSync(`${folder}${source}`, { recursive: true, force: true });
    cpSync(`${root}${source}`, `${folder}${source}`, { recursive: true });
  }
  for (const source of sources) importAsBuilt(`${folder}${source}`);
  await compile(folder, files, outDir, { rewriteRelativeImportExtensions: false, ...options });
}

/** Compiles files of a folder that has all that they import; TypeScript is the one of {@linkcode emit}. */
export async function compile(
  folder: string,
  files: readonly string[],
  outDir: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const config = {
    compilerOptions: {
      ...compilerOptions,
      module: "nodenext",
      types: ["node"],
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      rootDir: ".",
      outDir,
      ...options,
    },
    files,
  };
  writeFileSync(`${folder}tsconfig.json`, JSON.stringify(config));
  await must("node", [`${cache}build/node_modules/typescript/bin/tsc`], { cwd: folder });
}

/**
 * Has a file, or those of a folder, import as npm's package does: `./x.js`, declarations too, and optional packages by
 * literals. The library imports these by a constant, because Deno would fetch what a literal names for every program; but
 * bundlers see nothing else.
 */
export function importAsBuilt(path: string): void {
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path)) importAsBuilt(`${path}/${name}`);
  } else if (/\.[jt]s$/.test(path)) {
    const text = readFileSync(path, "utf8");
    const optional = text.match(/^const PACKAGE = ("[^"]+");$/m)?.[1] ?? "PACKAGE";
    const built = text.replace(/((?:from |\bimport ?\(?)"\.[^"]+)\.ts"/g, '$1.js"')
      .replaceAll("import(PACKAGE)", `import(${optional})`);
    if (built !== text) writeFileSync(path, built);
  }
}
