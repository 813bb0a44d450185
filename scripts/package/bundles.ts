import { cpSync, readFileSync } from "node:fs";
import { must } from "../../tests/support/command.ts";
import { npmInstall } from "../npm_install.ts";
import { type EffectMajor, root } from "../project.ts";
import type { Count } from "../result.ts";

// In hundreds of bytes, as any line changes how all of it compresses by a few.
const bundleLimit = 29_950;
const workerLimit = 42_600;
/** With all of Effect that is needed; a run of a value alone has 9 kB of Effect 4 and 43 kB of Effect 3. */
const plainLimits: Readonly<Record<EffectMajor, number>> = { 4: 46_150, 3: 70_350 };

/** The bundlers, each in the version that is known to do it. */
export const bundlers: Readonly<Record<string, string>> = {
  "@rollup/plugin-node-resolve": "16.0.3",
  "@rspack/core": "2.3.3",
  esbuild: "0.28.2",
  rollup: "4.68.8",
  vite: "8.4.0",
  webpack: "5.113.0",
};

interface Bundled {
  readonly bundler: string;
  readonly imports: readonly string[];
  readonly error?: string;
}

/** Bundles programs of a project that has no client installed, runs them, and weighs what is small. */
export async function bundle(count: Count, project: string): Promise<void> {
  const tools = await npmInstall("bundlers", bundlers);
  cpSync(`${root}tests/package/bundlers.js`, `${tools}bundlers.js`);
  const lines = (await must("node", [`${tools}bundlers.js`], { cwd: project })).trim().split("\n");
  const all: Bundled[] = lines.filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  for (const { bundler, error } of all) {
    if (error === undefined) count.pass();
    else count.fail(`bundled with ${bundler}: ${error}`);
  }
  if (all.length < 5) count.fail(`only ${all.length} of 5 bundlers have run`);
  // Where they are installed, they are bundled, too: esbuild has found them.
  const found = all.find(({ bundler }) => bundler === "esbuild")?.imports ?? [];
  for (const sdk of ["@aws-sdk/client-dynamodb", "@aws-sdk/client-s3"]) {
    if (found.includes(sdk)) count.pass();
    else count.fail(`esbuild does not see that "${sdk}" is imported`);
  }
  await weighAll(count, project, `${tools}node_modules/esbuild/bin/esbuild`);
}

/** Weighs README's program of the plain face, with the Effect that the project has. */
export async function weighPlain(
  count: Count,
  project: string,
  effect: EffectMajor,
): Promise<void> {
  const tools = await npmInstall("bundlers", bundlers);
  cpSync(`${root}tests/package/plain_size.js`, `${tools}plain_size.js`);
  const size = Number(await must("node", [`${tools}plain_size.js`], { cwd: project }));
  const limit = plainLimits[effect];
  told(count, `the plain face and memory, with Effect ${effect}`, size, limit);
}

function told(count: Count, what: string, size: number, limit: number): void {
  const figure = `${what}, minified and gzipped: ${size} bytes of at most ${limit}`;
  if (size <= limit) {
    count.pass();
    count.note(figure);
  } else count.fail(figure);
}

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, BundledFile>>;
}

interface BundledFile {
  readonly entryPoint?: string;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
}

async function weighAll(count: Count, project: string, esbuild: string): Promise<void> {
  const bundled = async (entry: string, flags: readonly string[]): Promise<Metafile> => {
    const args = [
      ...[esbuild, entry, "--bundle", "--minify", "--format=esm", "--outdir=bundle"],
      ...["--platform=neutral", "--external:effect", "--metafile=bundle.json"],
      ...["--log-level=warning", ...flags],
    ];
    await must("node", args, { cwd: project });
    return JSON.parse(readFileSync(`${project}bundle.json`, "utf8"));
  };
  const weigh = async (what: string, paths: readonly string[], limit: number) => {
    const size = Number(await must("node", ["-p", gzipped, ...paths], { cwd: project }));
    told(count, what, size, limit);
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
