/**
 * Typechecks and runs every example of the docs: the `ts` blocks of README.md, CONTRIBUTING.md and docs/, and those in
 * the doc comments of the library. CONTRIBUTING.md says what may stand after `ts`.
 */
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { backendsRequired, variableOf } from "../tests/servers/environment.ts";
import { freePort } from "../tests/servers/server.ts";
import { atOnce } from "../tests/support/at_once.ts";
import { type CommandOptions, type Finished, run } from "../tests/support/command.ts";
import { readArguments } from "./arguments.ts";
import { cache, deno, type EffectMajor, importFlags, lockfile, root } from "./project.ts";
import { report, type Result, tally } from "./result.ts";

interface Example {
  /** Where it stands, as a file name: `README.md.42.ts`. */
  readonly file: string;
  /** The words after `ts`. */
  readonly words: readonly string[];
  /** The block, pushed down to the line on which it stands in its document. */
  readonly code: string;
}

/** Checks and runs the examples with one Effect. */
export function testDocs(
  effect: EffectMajor,
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  return tally(`Docs, Effect ${effect}`, async (count) => {
    const other = `effect${effect === 3 ? 4 : 3}`;
    const examples = documents().flatMap(examplesOf).filter(({ words }) => !words.includes(other));
    const cwd = writeExamples(examples, `${cache}docs/effect${effect}/`);

    // Deno skips what deno.json excludes, even if it is named. The versions are those that the suites have.
    const flags = ["--no-config", "--lock=deno.lock", ...importFlags(effect)];
    const files = examples.map(({ file }) => file);
    const check = await run(deno, ["check", "-q", ...flags, ...files], { cwd });
    const unchecked = examples.filter(({ file }) => check.output.includes(`/${file}:`));
    if (!check.ok) count.fail(check.output, Math.max(1, unchecked.length));

    const runnable = examples.filter((example) => !unchecked.includes(example));
    const runExample = async ({ file, words }: Example) => {
      const missing = words.filter((word) => !plainWords.test(word)).map(variableOf)
        .find((variable) => !(env[variable] ?? process.env[variable]));
      if (missing && backendsRequired) {
        count.fail(`${file} needs ${missing}, and BACKENDS are required`);
      } else if (missing) {
        count.skip(`${missing} is not set`);
      } else if (words.includes("no-run")) {
        count.pass();
      } else {
        const args = ["run", "-A", "--no-check", ...flags, file];
        const execute = words.includes("service") ? runService : run;
        const { ok, output } = await execute(deno, args, { cwd, env, timeout: 60_000 });
        if (ok) count.pass();
        else count.fail(`${file}\n${output}`);
      }
    };
    await atOnce(2, runnable.map((example) => () => runExample(example)));
  });
}

function writeExamples(examples: readonly Example[], folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(lockfile, `${folder}deno.lock`);
  for (const { file, code } of examples) writeFileSync(`${folder}${file}`, code);
  return folder;
}

/** Runs a server as a host does: it must answer a request on `PORT`, and then end by itself on SIGTERM. */
async function runService(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<Finished> {
  const port = String(await freePort());
  let running = true;
  let status: number | undefined;
  const answered = async () => {
    while (running && status === undefined) {
      await sleep(50);
      status = await fetch(`http://localhost:${port}/42`).then(
        (response) => response.text().then(() => response.status),
        () => undefined,
      );
    }
  };
  const env = { ...options.env, PORT: port };
  const finished = await run(command, args, { ...options, env, until: answered() });
  running = false;
  const output = `${finished.output}Answered ${status ?? "nothing"} at port ${port}\n`;
  return { ...finished, ok: finished.ok && status === 200, output };
}

const plainWords = /^(effect[34]|no-run|service)$/;

function documents(): string[] {
  const markdown = ["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md", { cwd: root })];
  const modules = globSync(
    "{{mod,promise}.ts,{src,adapters,tests/conformance}/**/*.ts}",
    { cwd: root },
  );
  return [...markdown.filter((file) => existsSync(`${root}${file}`)), ...modules.sort()];
}

function examplesOf(document: string): Example[] {
  const text = readFileSync(`${root}${document}`, "utf8");
  const prose = document.endsWith(".md") ? text : docComments(text);
  const blocks = [...prose.matchAll(/^```ts\b(.*)\n([^]*?)^```$/gm)];
  return blocks.filter(([, words]) => !words!.includes("/")).map((block) => {
    const line = prose.slice(0, block.index).split("\n").length;
    return {
      file: `${document.replaceAll("/", ".")}.${line}.ts`,
      words: block[1]!.split(/\s+/).filter(Boolean),
      code: `${"\n".repeat(line)}${fromDocument(document, block[2]!)}export {};\n`,
    };
  });
}

/** A block that may leave its document's folder: what it imports from beside the document, by its address. */
function fromDocument(document: string, code: string): string {
  const base = pathToFileURL(`${root}${document}`);
  return code.replace(/(?<=\bfrom )"(\.[^"]+)"/g, (_, path) => `"${new URL(path, base).href}"`);
}

/** The text of a module's doc comments, each line where it was. */
function docComments(module: string): string {
  let inside = false;
  return module.split("\n").map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true;
    const text = inside ? line.replace(/^\s*\* ?/, "") : "";
    if (line.includes("*/")) inside = false;
    return text;
  }).join("\n");
}

if (import.meta.main) {
  readArguments({
    name: "docs",
    does: "Typechecks and runs every example of the docs, with Effect 4 and with Effect 3.",
  });
  report([await testDocs(4), await testDocs(3)]);
}
