import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

/** One module that users import. */
export interface EntryPoint {
  /** As deno.json names it: `.`, `./memory`. */
  readonly subpath: string;
  /** Its source, from the top of the project: `mod.ts`. */
  readonly source: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

/** The top folder of the project. */
export const root: string = fileURLToPath(new URL("../", import.meta.url));

/** The Deno that runs this. */
export const deno: string = process.execPath;

/** The module that judges the errors of every suite, without its ending. */
export const errorsJudge = "tests/support/every_error";

/** Where scripts keep what they make; git ignores it. */
export const cache: string = `${root}.cache/`;

/** deno.json: the one place that says what the packages export. */
export const manifest: Manifest = JSON.parse(readFileSync(`${root}deno.json`, "utf8"));

/**
 * What import_map.json has: what the library, its tests and the scripts depend on. It is not in deno.json, because `deno
 * task` would install all that deno.json imports before it runs any task; nor does deno.json name the lockfile, whose
 * packages Deno installs all at once.
 */
export const imports: Readonly<Record<string, string>> = importsOf("import_map.json");

/** What the benchmark adds to it: the neighbours, which nothing else installs. */
export const benchImports: Readonly<Record<string, string>> = importsOf(
  "scripts/bench/import_map.json",
);

function importsOf(file: string): Record<string, string> {
  return JSON.parse(readFileSync(`${root}${file}`, "utf8")).imports;
}

/** What the packages export. */
export const entryPoints: readonly EntryPoint[] = Object.entries(manifest.exports).map(
  ([subpath, source]) => ({ subpath, source: source.replace(/^\.\//, "") }),
);

/** What modules are instead in a bundle for Cloudflare Workers, by their subpaths. */
export const workersSources: Readonly<Record<string, string>> = {
  ".": "adapters/workers/mod.ts",
  "./promise": "adapters/workers/promise.ts",
  "./r2": "adapters/workers/r2.ts",
};

/** The folders and files that the library and its tests are made of. */
export const sources: readonly string[] = [
  "mod.ts",
  "promise.ts",
  "src",
  "adapters",
  "tests",
];

/** The versions that the suites run with. */
export const lockfile: string = `${root}deno.lock`;

/** The versions that the benchmark's programs run with. */
export const benchLockfile: string = `${root}scripts/bench/deno.lock`;

/** The npm dependencies of the import maps, as package.json has them. */
export const dependencies: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ ...imports, ...benchImports }).flatMap(([name, specifier]) => {
    const npm = /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)$/.exec(specifier);
    return npm ? [[name, npm[1] === name ? npm[2]! : `npm:${npm[1]}@${npm[2]}`]] : [];
  }),
);

/** Those of them that the library and its tests import; servers that run in Deno have others. */
export const sourceDependencies: Readonly<Record<string, string>> = dependenciesOf(
  globSync(sources.map((source) => source.endsWith(".ts") ? source : `${source}/**/*.ts`), {
    cwd: root,
  }).filter((file) => !/^tests\/servers\/(dynalite|workers)\.ts$/.test(file)),
);

/** Those that some files import, by their paths from the top of the project. */
export function dependenciesOf(files: readonly string[]): Record<string, string> {
  const text = files.map((file) => readFileSync(`${root}${file}`, "utf8")).join("\n");
  return Object.fromEntries(
    Object.entries(dependencies).filter(([name]) => new RegExp(`"${name}["/]`).test(text)),
  );
}

/** A major version of Effect that the library supports. */
export type EffectMajor = 3 | 4;

/**
 * The versions of Effect that everything runs with. The import map has any version, which is all that JSR's specifiers can
 * say of two majors: Deno then takes the one that the program itself imports.
 */
export const effectVersions: Readonly<Record<EffectMajor, string>> = {
  4: "^4.1.0",
  3: "~3.22",
};

/**
 * The oldest versions that the library works with, one of each major version: the suite of each adapter passes with them,
 * which `deno task test --all` proves (scripts/oldest.ts), but for better-sqlite3 before 13, which must be compiled for one
 * Node: its folder in `BETTER_SQLITE3` has the suite of sqlite run with it. They make npm's peer ranges.
 */
export const oldestVersions: Readonly<Record<string, readonly string[]>> = {
  effect: ["3.22.0", "4.0.0"],
  "@aws-sdk/client-dynamodb": ["3.363.0"],
  "@aws-sdk/client-s3": ["3.701.0"],
  devalue: ["6.0.0"],
  "better-sqlite3": ["11.0.0", "12.0.0", "13.0.0"],
  ioredis: ["5.3.0", "6.0.0"],
  iovalkey: ["0.4.0"],
  memjs: ["1.3.2"],
  mongodb: ["6.0.0", "7.1.0"],
  pg: ["8.11.0"],
  postgres: ["3.4.5"],
  redis: ["5.10.0", "6.0.0"],
};

/** The GitHub repository that this is built from, as GitHub's workflows say; a copy elsewhere has none. */
export const repository: string | undefined = process.env.GITHUB_REPOSITORY;

/** The flags with which Deno resolves the import map with another Effect, and the package by its own names. */
export function importFlags(effect: EffectMajor): string[] {
  const mapped: Record<string, string> = {
    ...imports,
    ...benchImports,
    effect: `npm:effect@${effectVersions[effect]}`,
    "effect/": `npm:/effect@${effectVersions[effect]}/`,
  };
  for (const { subpath, source } of entryPoints) {
    for (const name of [manifest.name, "cache-locking"]) {
      mapped[subpath.replace(".", name)] = pathToFileURL(`${root}${source}`).href;
    }
  }
  const map = encodeURIComponent(JSON.stringify({ imports: mapped }));
  return ["--import-map", `data:application/json,${map}`];
}

/** The same flags, with the versions of the suites' lockfile: of a copy, to which Deno adds what this Effect needs. */
export function lockedImportFlags(effect: EffectMajor): string[] {
  const copy = `${cache}effect${effect}.lock`;
  if (!existsSync(copy) || statSync(copy).mtimeMs < statSync(lockfile).mtimeMs) {
    mkdirSync(cache, { recursive: true });
    copyFileSync(lockfile, copy);
  }
  return [...importFlags(effect), `--lock=${copy}`];
}
