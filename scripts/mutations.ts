/**
 * Breaks the engine in each of the known ways, in a copy, and lets the simulator find it: `deno task mutate`. A mutation
 * that it doesn't notice in the scenarios that are kept and within 2,000 seeds is a failure, and so is one whose mark
 * is on no line of the source.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { atOnce } from "../tests/support/at_once.ts";
import { run } from "../tests/support/command.ts";
import { readArguments } from "./arguments.ts";
import { type Mutation, mutations } from "./mutations/list.ts";
import { cache, deno, root } from "./project.ts";
import { table } from "./table.ts";

/** Within how many seeds a mutation must be noticed. */
const MOST_SEEDS = 2_000;

interface Verdict {
  readonly what: string;
  readonly seed: number | undefined;
  readonly promise: string;
}

/** A line that can be mutated. */
interface Place {
  readonly file: string;
  /** The line's number, from zero. */
  readonly index: number;
}

/** The lines of the source that have a mark, by their marks. */
function marked(): ReadonlyMap<string, Place[]> {
  const places = new Map<string, Place[]>();
  for (const file of globSync("src/**/*.ts", { cwd: root })) {
    for (const [index, line] of readFileSync(`${root}${file}`, "utf8").split("\n").entries()) {
      const mark = MARK.exec(line)?.[1];
      if (mark !== undefined) places.set(mark, [...places.get(mark) ?? [], { file, index }]);
    }
  }
  return places;
}

const MARK = / \/\/ mutate: (.*)$/;

async function tryMutation({ what, mark, change }: Mutation, copy: string): Promise<Verdict> {
  const [place, ...others] = places.get(mark) ?? [];
  const cannot = (why: string) => ({ what, seed: undefined, promise: `CANNOT BE MADE: ${why}` });
  if (place === undefined || others.length > 0) return cannot(`no single line is marked ${mark}`);
  const source = readFileSync(`${root}${place.file}`, "utf8");
  const lines = source.split("\n");
  const line = lines[place.index]!.replace(MARK, "");
  lines[place.index] = change(line);
  if (lines[place.index] === line) return cannot(`it changes nothing in ${line.trim()}`);
  writeFileSync(`${copy}${place.file}`, lines.join("\n"));
  const args = ["tests/simulation/program.ts", "1", String(MOST_SEEDS), "--first", "--kept"];
  const { output } = await run(deno, ["run", "-A", "--no-check", ...args], { cwd: copy });
  writeFileSync(`${copy}${place.file}`, source);
  const [, seed, promise] = /^BROKEN seed (\d+): (.*)$/m.exec(output) ?? [];
  return seed === undefined
    ? { what, seed: undefined, promise: `NOT CAUGHT${output.trim() && `: ${output.trim()}`}` }
    : { what, seed: Number(seed), promise: promise! };
}

/** A copy of what the simulator needs. */
function copyProject(number: number): string {
  const copy = `${cache}mutants/${number}/`;
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const part of ["src", "adapters", "tests", "mod.ts", "deno.json", "import_map.json"]) {
    cpSync(`${root}${part}`, `${copy}${part}`, { recursive: true });
  }
  return copy;
}

const places = marked();
const began = Date.now();
const { rest: named } = readArguments({
  name: "mutate",
  does: "Breaks the engine in known ways, each of which the simulator must notice.",
  rest: { value: "WORDS", help: "only mutations whose names have these words; all by default" },
});
const chosen = mutations.filter(({ what }) =>
  named.length === 0 || named.some((name) => what.includes(name))
);
console.log(`Tries ${chosen.length} mutations`);
const copies = [0, 1].map(copyProject);
const verdicts = await atOnce(
  copies.length,
  chosen.map((mutation) => (lane: number) => tryMutation(mutation, copies[lane]!)),
);
const rows = verdicts.map(({ what, seed, promise }) => [what, String(seed ?? "–"), promise]);
console.log(table(["mutation", "seed", "promise"], rows));
const caught = verdicts.filter(({ seed }) => seed !== undefined).length;
const seconds = ((Date.now() - began) / 1000).toFixed(0);
console.log(`\n${caught} of ${chosen.length} mutations caught, in ${seconds} s`);
if (caught < chosen.length) process.exitCode = 1;
