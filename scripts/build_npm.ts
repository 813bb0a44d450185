/**
 * Writes the npm package to npm/: with dnt where JSR can be reached, otherwise with TypeScript alone, in the same
 * layout. With --release, dnt it must be. It runs without deno.lock, which Deno would write dnt to: `deno publish` refuses
 * a folder with changes.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readArguments } from "./arguments.ts";
import {
  entryPoints,
  manifest,
  oldestVersions,
  repository,
  root,
  workersSources,
} from "./project.ts";
import { withAbsoluteLinks } from "./readme.ts";
import { compilerOptions, emit, importAsBuilt, nodeTypes } from "./typescript.ts";

const out = `${root}npm/`;
const dntModule = "jsr:@deno/dnt@0.43.2";

/** Builds the package, and says with what. */
async function buildNpm({ release = false } = {}): Promise<string> {
  rmSync(out, { recursive: true, force: true });
  const dnt = await import(dntModule).catch((error) => {
    if (release) throw new Error(`Cannot build a release without "${dntModule}"`, { cause: error });
  });
  if (dnt) await buildWithDnt(dnt);
  else await buildWithTypeScript();
  writeFileSync(`${out}package.json`, `${JSON.stringify(packageJson(), null, 2)}\n`);
  copyFileSync(`${root}LICENSE`, `${out}LICENSE`);
  const readme = readFileSync(`${root}README.md`, "utf8");
  const tag = `v${manifest.version}`;
  writeFileSync(
    `${out}README.md`,
    repository ? withAbsoluteLinks(readme, repository, tag) : readme,
  );
  return dnt ? "dnt" : "TypeScript (dnt is on JSR, which cannot be reached)";
}

// deno-lint-ignore no-explicit-any
async function buildWithDnt(dnt: any): Promise<void> {
  await dnt.build({
    entryPoints: [
      ...entryPoints,
      ...Object.values(workersSources).map((source) => ({
        subpath: `./${source.replace(/\.ts$/, "")}`,
        source,
      })),
    ].map(({ subpath, source }) => ({ name: subpath, path: `${root}${source}` })),
    outDir: out,
    importMap: `${root}import_map.json`,
    package: { ...packageJson(), devDependencies: { "@types/node": nodeTypes } },
    compilerOptions,
    shims: {},
    polyfills: false,
    declaration: "inline",
    scriptModule: false,
    skipSourceOutput: true,
    test: false,
  });
  importAsBuilt(`${out}esm`);
  for (const left of ["node_modules", "package-lock.json", ".npmignore", "esm/package.json"]) {
    rmSync(`${out}${left}`, { recursive: true, force: true });
  }
}

async function buildWithTypeScript(): Promise<void> {
  const files = [...entryPoints.map(({ source }) => source), ...Object.values(workersSources)];
  await emit(files, `${out}esm`, { declaration: true });
}

function packageJson(): Record<string, unknown> {
  const clients = Object.keys(oldestVersions).filter((name) => name !== "effect");
  const url = `https://github.com/${repository}`;
  return {
    name: "cache-locking",
    version: manifest.version,
    description: "Stops cache stampedes: one caller fetches, everybody else waits for its value",
    keywords: ["cache", "stampede", "lock", "lease", "single-flight", "effect"],
    license: manifest.license,
    ...(repository && {
      repository: { type: "git", url: `git+${url}.git` },
      homepage: `${url}#readme`,
      bugs: `${url}/issues`,
    }),
    type: "module",
    sideEffects: false,
    engines: { node: ">=18" },
    exports: Object.fromEntries(
      entryPoints.map(({ subpath, source }) => {
        const built = (source: string) => `./esm/${source.replace(/\.ts$/, "")}`;
        const workerd = workersSources[subpath];
        return [subpath, {
          types: `${built(source)}.d.ts`,
          ...(workerd && { workerd: `${built(workerd)}.js` }),
          default: `${built(source)}.js`,
        }];
      }),
    ),
    files: ["esm"],
    peerDependencies: Object.fromEntries(
      Object.entries(oldestVersions).map(([name, versions]) => [
        name,
        versions.map((version) => `^${version}`).join(" || "),
      ]),
    ),
    peerDependenciesMeta: Object.fromEntries(clients.map((name) => [name, { optional: true }])),
  };
}

if (import.meta.main) {
  const { values: { release } } = readArguments({
    name: "build:npm",
    does: "Writes the npm package to npm/.",
    options: { release: { type: "boolean", help: "fail where dnt can't be loaded" } },
  });
  console.log(`Built npm/ with ${await buildNpm({ release })}`);
}
