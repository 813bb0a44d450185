/** Packs npm/ and uses the tarball as a stranger would: from JavaScript, from TypeScript, and in a bundle. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { npmInstall } from "./npm_install.ts";
import { cache, type EffectMajor, effectVersions, entryPoints, root } from "./project.ts";
import { type Count, report, type Result, tally } from "./result.ts";
import { must, run } from "../tests/support/command.ts";

const nodeVersions = [18, 20, 22, 24];
const bundleLimit = 12_000;
const workerLimit = 20_000;

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

/** Runs all of it. */
export function testPackage(): Promise<Result> {
  return tally("Packed package", async (count) => {
    const tarball = await pack(count);
    const tools = await npmInstall("tools", {
      esbuild: "^0.28.2",
      "typescript-5.4": "npm:typescript@~5.4",
      "typescript-latest": "npm:typescript@latest",
    });
    for (const effect of [4, 3] as const) {
      const project = await install(tarball, effect);
      await runJavaScript(count, project);
      await checkTypes(count, project, `${tools}node_modules/`);
      if (effect === 4) await bundle(count, project, `${tools}node_modules/`);
    }
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
  // npm takes a tarball of the same name for the same package.
  const tarball = `${folder}${packed.filename}`;
  const hash = createHash("sha256").update(readFileSync(tarball)).digest("hex").slice(0, 12);
  const named = tarball.replace(/\.tgz$/, `-${hash}.tgz`);
  renameSync(tarball, named);
  return named;
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
  for (const node of [paths[0]!, paths.at(-1)!]) {
    const { ok, output } = await run(node, ["consumer.js"], { cwd: project });
    if (ok) count.pass();
    else count.fail(`${node} consumer.js\n${output}`);
  }
}

const moduleSettings = [
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

async function checkTypes(count: Count, project: string, tools: string): Promise<void> {
  for (const settings of moduleSettings) {
    const compilerOptions = {
      target: "es2022",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
      ...settings,
    };
    const config = { compilerOptions, files: ["consumer.ts", "subpaths.ts"] };
    writeFileSync(`${project}tsconfig.json`, JSON.stringify(config));
    for (const version of ["5.4", "latest"]) {
      const tsc = `${tools}typescript-${version}/bin/tsc`;
      const { ok, output } = await run("node", [tsc, "--pretty", "false"], { cwd: project });
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

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, BundledFile>>;
}

interface BundledFile {
  readonly entryPoint?: string;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
}

/** Bundles apps that have no client installed, and weighs them. */
async function bundle(count: Count, project: string, tools: string): Promise<void> {
  const bundled = async (entry: string, flags: readonly string[]): Promise<Metafile> => {
    const args = [
      ...[`${tools}esbuild/bin/esbuild`, entry, "--bundle", "--minify", "--format=esm"],
      ...["--platform=neutral", "--external:effect", "--outdir=bundle", "--metafile=bundle.json"],
      ...["--log-level=warning", ...flags],
    ];
    await must("node", args, { cwd: project });
    return JSON.parse(readFileSync(`${project}bundle.json`, "utf8"));
  };
  const weigh = async (what: string, paths: readonly string[], limit: number) => {
    const size = Number(await must("node", ["-p", gzipped, ...paths], { cwd: project }));
    const figure = `${what}, minified and gzipped: ${size} bytes of at most ${limit}`;
    if (size > limit) count.fail(figure);
    else {
      count.pass();
      count.note(figure);
    }
  };
  const app = await bundled("bundle.js", ["--splitting"]);
  await weigh("root and memory", loadedAtStart(app.outputs), bundleLimit);

  // Workers are bundled as one piece.
  const worker = await bundled("worker.js", ["--conditions=workerd"]);
  await weigh("a Worker with root, D1, KV and R2", Object.keys(worker.outputs), workerLimit);
  const strangers = Object.keys(worker.inputs).filter((path) => /redis|dynamodb|aws|s3/.test(path));
  if (strangers.length > 0) count.fail(`a Worker's bundle holds ${strangers.join(", ")}`);
  else count.pass();
}

/** A program of Node's that says what files weigh together: its zlib is gzip's, and Deno's is another. */
const gzipped =
  `zlib.gzipSync(Buffer.concat(process.argv.slice(1).map((path) => fs.readFileSync(path))), {
  level: 9,
}).length`;

/** The entry and what it imports, without what is only loaded on first use. */
function loadedAtStart(outputs: Metafile["outputs"]): string[] {
  const loaded = new Set(
    Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === "bundle.js"),
  );
  for (const path of loaded) {
    for (const { path: imported, kind } of outputs[path]!.imports) {
      if (kind === "import-statement" && imported in outputs) loaded.add(imported);
    }
  }
  return [...loaded];
}

if (import.meta.main) report([await testPackage()]);
