/**
 * Counts what a call walks through: how many functions are called, and how often the file changes on the way. It runs a copy
 * of the library in which each function tells that it is called.
 */
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Effect } from "effect";
import { readArguments } from "./arguments.ts";
import { npmInstall } from "./npm_install.ts";
import { cache, root, sources } from "./project.ts";
import { table } from "./table.ts";

/** What is used of TypeScript's parser. */
interface Parser {
  readonly createSourceFile: (name: string, text: string, target: number, parents: true) => Node;
  readonly forEachChild: (node: Node, visit: (child: Node) => void) => void;
  readonly isFunctionLike: (node: Node) => boolean;
  readonly isBlock: (node: Node) => boolean;
}

interface Node {
  readonly body?: Node;
  readonly name?: Node;
  readonly parent?: Node;
  getText(): string;
  getStart(): number;
  getEnd(): number;
}

/** Has each function of a file tell its file and its name as it is called. */
function tellCalls(ts: Parser, file: string, text: string): string {
  const inserts: (readonly [at: number, text: string])[] = [];
  const visit = (node: Node) => {
    const { body, name, parent } = node;
    if (ts.isFunctionLike(node) && body) {
      const told = JSON.stringify([file, (name ?? parent?.name)?.getText() ?? "=>"]);
      const tell = `(globalThis as any).called?.(${told})`;
      if (ts.isBlock(body)) inserts.push([body.getStart() + 1, ` ${tell};`]);
      else inserts.push([body.getStart(), `(${tell}, `], [body.getEnd(), ")"]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, 99, true));
  inserts.sort(([a], [b]) => b - a);
  return inserts.reduce((told, [at, insert]) => told.slice(0, at) + insert + told.slice(at), text);
}

/** A copy of the library that tells its calls. */
async function copyThatTells(): Promise<string> {
  const folder = await npmInstall("walks", { typescript: "~5.4" });
  const ts: Parser = createRequire(folder)("typescript");
  const copy = `${cache}walks/copy/`;
  rmSync(copy, { recursive: true, force: true });
  for (const part of sources) cpSync(`${root}${part}`, `${copy}${part}`, { recursive: true });
  for (const file of globSync("{src,adapters}/**/*.ts", { cwd: copy })) {
    const path = `${copy}${file}`;
    writeFileSync(path, tellCalls(ts, file, readFileSync(path, "utf8")));
  }
  return pathToFileURL(copy).href;
}

const { values: { show } } = readArguments({
  name: "walks",
  does: "Counts the functions that a call runs, its changes of file, and the lines of the engine.",
  options: { show: { type: "boolean", help: "tell the way of each, too" } },
});
const copy = await copyThatTells();
const [{ Cache }, { memoryAdapter }, { processOver }] = await Promise.all(
  ["mod.ts", "adapters/memory.ts", "tests/support/process_store.ts"].map((file) =>
    import(`${copy}${file}`)
  ),
);
const fetcher = () => Effect.succeed("value");
const promise = (effect: Effect.Effect<unknown, unknown>) => Effect.runPromise(effect);
const adapters = {
  memory: memoryAdapter(),
  remote: processOver(memoryAdapter(), { latency: 2, promise }),
};
const rows: string[][] = [];
for (const [name, adapter] of Object.entries(adapters)) {
  const cache = Cache.make({ adapter, cacheTtl: "1 minute" });
  await promise(cache.getOrSet("before", fetcher));
  for (const what of ["miss", "hit"]) {
    const calls: (readonly [file: string, name: string])[] = [];
    Object.assign(globalThis, { called: (call: typeof calls[number]) => calls.push(call) });
    await promise(cache.getOrSet("key", fetcher));
    Object.assign(globalThis, { called: undefined });
    const changes = calls.filter(([file], i) => i > 0 && file !== calls[i - 1]![0]).length;
    const files = new Set(calls.map(([file]) => file)).size;
    rows.push([`${what}, ${name}`, ...[calls.length, files, changes].map(String)]);
    if (show) {
      for (const [file, called] of calls) console.log(`${what}, ${name}: ${file} ${called}`);
    }
  }
}
console.log(table(["walk", "calls", "files", "changes of file"], rows));
const lines = globSync("src/engine/*.ts", { cwd: root })
  .map((file) => readFileSync(`${root}${file}`, "utf8").split("\n").length - 1);
console.log(`\nThe engine has ${lines.reduce((sum, count) => sum + count, 0)} lines`);
