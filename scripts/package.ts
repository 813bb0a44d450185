/**
 * Packs npm/ and uses the tarball as a stranger would: beside old clients, from JavaScript, from TypeScript, and in the
 * bundles of five bundlers; and what JSR would have, in Deno.
 */
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { readArguments } from "./arguments.ts";
import { npmInstall } from "./npm_install.ts";
import { bundle, weighPlain } from "./package/bundles.ts";
import { useFromJsr } from "./package/jsr.ts";
import {
  cache,
  type EffectMajor,
  effectVersions,
  entryPoints,
  oldestVersions,
  repository,
  root,
} from "./project.ts";
import { relativeLinks, withAbsoluteLinks } from "./readme.ts";
import { type Count, report, type Result, tally } from "./result.ts";
import { must, run } from "../tests/support/command.ts";

const nodeVersions = [18, 20, 22, 24];

/** What people have whose clients are some months old. */
const oldClients: Readonly<Record<string, string>> = {
  effect: "^3.22",
  "@aws-sdk/client-dynamodb": "3.1000.0",
  "@aws-sdk/client-s3": "3.1000.0",
  ioredis: "5.4.0",
  mongodb: "6.10.0",
  postgres: "3.4.5",
};

/** Installs the versions of Node that the package supports, and returns their paths. */
export async function nodes(): Promise<string[]> {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const binaries = nodeVersions.map((version) => [
    `node${version}`,
    `npm:node-${platform}-${process.arch}@${version}`,
  ]);
  const folder = await npmInstall("nodes", Object.fromEntries(binaries));
  return nodeVersions.map((version) => `${folder}node_modules/node${version}/bin/node`);
}

/** Installs Bun, which npm has, and returns its path. */
export async function installedBun(): Promise<string> {
  const folder = await npmInstall("bun", {
    bun: `npm:@oven/bun-${process.platform}-${process.arch}@^1.4.5`,
  });
  return `${folder}node_modules/bun/bin/bun`;
}

/** Installs a version of better-sqlite3, which is compiled in its package from 13 on, and returns its path. */
export async function installedBetterSqlite3(version: string): Promise<string> {
  const folder = await npmInstall(`better-sqlite3-${version}`, { "better-sqlite3": version });
  return `${folder}node_modules/better-sqlite3`;
}

/** Runs all of it. */
export function testPackage(): Promise<Result> {
  return tally("Packed package", async (count) => {
    const tarball = await pack(count);
    await installBeside(count, tarball, "old clients", oldClients);
    const oldest = Object.entries(oldestVersions).map(([name, versions]) => [name, versions[0]!]);
    await installBeside(count, tarball, "the oldest clients", Object.fromEntries(oldest));
    const tools = await npmInstall("tools", {
      "typescript-5.4": "npm:typescript@~5.4",
      "typescript-latest": "npm:typescript@latest",
    });
    for (const effect of [4, 3] as const) {
      const project = await install(tarball, effect);
      await runJavaScript(count, project);
      await checkTypes(count, project, `${tools}node_modules/`);
      await weighPlain(count, project, effect);
      if (effect === 4) await bundle(count, project);
    }
    await useFromJsr(count);
  });
}

async function pack(count: Count): Promise<string> {
  const folder = `${cache}package/`;
  mkdirSync(folder, { recursive: true });
  const [packed] = JSON.parse(
    await must("npm", ["pack", "--json", "--silent", "--pack-destination", folder], {
      cwd: `${root}npm/`,
    }),
  );
  const paths: string[] = packed.files.map(({ path }: { path: string }) => path);
  const strangers = paths.filter((path) =>
    !/^(esm\/.*\.(js|d\.ts)|package\.json|LICENSE|README\.md)$/.test(path)
  );
  if (strangers.length > 0) count.fail(`the tarball holds ${strangers.join(", ")}`);
  else if (!["LICENSE", "README.md"].every((file) => paths.includes(file))) {
    count.fail("the tarball lacks LICENSE or README.md");
  } else count.pass();
  checkReadme(count);
  // npm takes a tarball of the same name for the same package.
  const tarball = `${folder}${packed.filename}`;
  const hash = createHash("sha256").update(readFileSync(tarball)).digest("hex").slice(0, 12);
  const named = tarball.replace(/\.tgz$/, `-${hash}.tgz`);
  renameSync(tarball, named);
  return named;
}

/** npm shows the page where the files that it links to are not. */
function checkReadme(count: Count): void {
  const page = readFileSync(`${root}npm/README.md`, "utf8");
  const absolute = repository ? page : withAbsoluteLinks(page, "somebody/something", "v1.0.0");
  const left = relativeLinks(absolute);
  if (left.length > 0) count.fail(`README.md has relative links: ${left.join(", ")}`);
  else count.pass();
}

/** npm resolves what it would install, and would end in ERESOLVE where a peer's range excludes what is there. */
async function installBeside(
  count: Count,
  tarball: string,
  what: string,
  clients: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = `${cache}package/beside/`;
  mkdirSync(folder, { recursive: true });
  const dependencies = { ...clients, "cache-locking": `file:${tarball}` };
  writeFileSync(`${folder}package.json`, JSON.stringify({ private: true, dependencies }));
  const flags = ["--dry-run", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
  const { ok, output } = await run("npm", ["install", ...flags], { cwd: folder });
  if (ok) count.pass();
  else count.fail(`npm install beside ${what}\n${output}`);
}

async function install(tarball: string, effect: EffectMajor): Promise<string> {
  const packages = { effect: effectVersions[effect], "cache-locking": `file:${tarball}` };
  const project = await npmInstall(`package/effect${effect}`, packages);
  cpSync(`${root}tests/package`, project, { recursive: true });
  const imports = entryPoints.map(({ subpath }, index) =>
    `export * as module${index} from "${subpath.replace(".", "cache-locking")}";\n`
  );
  writeFileSync(`${project}subpaths.ts`, imports.join(""));
  return project;
}

async function runJavaScript(count: Count, project: string): Promise<void> {
  const paths = await nodes();
  // Node 18 can't `require` a module.
  const programs = [
    ...[paths[0]!, paths.at(-1)!].map((node) => [node, "consumer.js"] as const),
    ...paths.slice(1).map((node) => [node, "consumer.cjs"] as const),
  ];
  for (const [node, program] of programs) {
    const { ok, output } = await run(node, [program], { cwd: project });
    if (ok && output === "") count.pass();
    else count.fail(`${node} ${program}\n${output}`);
  }
  // README's program has no types, so it is JavaScript, too.
  copyFileSync(`${project}promise.ts`, `${project}promise.js`);
  for (const runtime of [...paths, await installedBun()]) {
    const env = { NO_COLOR: "1" };
    const { ok, output } = await run(runtime, ["promise.js"], { cwd: project, env });
    // Bun prints arrays in its own way.
    if (ok && /^\[ (['"])Ada\1, \1Grace\1, \1HIT\1 \]\n$/.test(output)) count.pass();
    else count.fail(`${runtime} promise.js\n${output}`);
  }
}

const moduleSettings = [
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

async function checkTypes(count: Count, project: string, tools: string): Promise<void> {
  const compile = (
    version: string,
    settings: object,
    files: readonly string[],
    flags: string[],
  ) => {
    const compilerOptions = {
      target: "es2022",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
      ...settings,
    };
    writeFileSync(`${project}tsconfig.json`, JSON.stringify({ compilerOptions, files }));
    const tsc = `${tools}typescript-${version}/bin/tsc`;
    return run("node", [tsc, "--pretty", "false", ...flags], { cwd: project });
  };
  for (const settings of moduleSettings) {
    for (const version of ["5.4", "latest"]) {
      // The plain face has nothing of Effect in sight.
      const plain = await compile(version, settings, ["promise.ts"], ["--listFiles"]);
      const foreign =
        plain.output.match(/^.*node_modules\/(?!cache-locking\/|@?typescript).*$/gm) ??
          [];
      if (plain.ok && foreign.length === 0) count.pass();
      else {
        const seen = plain.ok ? foreign.join("\n") : plain.output;
        count.fail(`TypeScript ${version}, ${settings.module}, promise.ts\n${seen}`);
      }

      const files = ["consumer.ts", "subpaths.ts"];
      const { ok, output } = await compile(version, settings, files, []);
      const errors = output.split("\n").filter((line) => /^\S.*error TS/.test(line));
      // Effect's own declarations need a newer TypeScript than 5.4.
      const ours = version === "5.4"
        ? errors.filter((line) => !line.startsWith("node_modules/effect/"))
        : errors;
      if (ours.length === 0 && (ok || errors.length > 0)) count.pass();
      else count.fail(`TypeScript ${version}, ${settings.module}\n${output}`);
    }
  }
}

if (import.meta.main) {
  readArguments({
    name: "test:package",
    does: "Uses what npm/ holds as a stranger would, and what JSR would have.",
  });
  report([await testPackage()]);
}
