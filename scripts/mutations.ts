/**
 * Breaks the library in each of the known ways, in a copy, and lets the simulator find it, or the test that is named with
 * it: `deno task mutate`. A mutation that the simulator doesn't notice in the scenarios that are kept and within 2,000 seeds
 * is a failure, and so is one that its test doesn't notice, and one whose mark is on no line of the source.
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

interface Found {
  /** What has noticed it: a seed, or a test. */
  readonly by: string | undefined;
  readonly promise: string;
}

interface Verdict extends Found {
  readonly what: string;
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
  for (const file of globSync("{src,adapters}/**/*.ts", { cwd: root })) {
    for (const [index, line] of readFileSync(`${root}${file}`, "utf8").split("\n").entries()) {
      const mark = MARK.exec(line)?.[1];
      if (mark !== undefined) places.set(mark, [...places.get(mark) ?? [], { file, index }]);
    }
  }
  return places;
}

const MARK = / \/\/ mutate: (.*)$/;

async function tryMutation({ what, mark, change, test }: Mutation, copy: string): Promise<Verdict> {
  const [place, ...others] = places.get(mark) ?? [];
  const cannot = (why: string) => ({ what, by: undefined, promise: `CANNOT BE MADE: ${why}` });
  if (place === undefined || others.length > 0) return cannot(`no single line is marked ${mark}`);
  const source = readFileSync(`${root}${place.file}`, "utf8");
  const lines = source.split("\n");
  const line = lines[place.index]!.replace(MARK, "");
  lines[place.index] = change(line);
  if (lines[place.index] === line) return cannot(`it changes nothing in ${line.trim()}`);
  writeFileSync(`${copy}${place.file}`, lines.join("\n"));
  const found = test === undefined ? await bySimulator(copy) : await byTest(test, copy);
  writeFileSync(`${copy}${place.file}`, source);
  return { what, ...found };
}

/** What the simulator finds in a copy. */
async function bySimulator(copy: string): Promise<Found> {
  const args = ["tests/simulation/program.ts", "1", String(MOST_SEEDS), "--first", "--kept"];
  const { output } = await run(deno, ["run", "-A", "--no-check", ...args], { cwd: copy });
  const [, seed, promise] = /^BROKEN seed (\d+): (.*)$/m.exec(output) ?? [];
  return seed === undefined
    ? { by: undefined, promise: `NOT CAUGHT${output.trim() && `: ${output.trim()}`}` }
    : { by: `seed ${seed}`, promise: promise! };
}

/** What a test finds in a copy, without servers. */
async function byTest(test: string, copy: string): Promise<Found> {
  const { output } = await run(deno, ["test", "-A", "--no-check", test], { cwd: copy });
  const failed = /^(.*) => /m.exec(output)?.[1];
  return failed === undefined
    ? { by: undefined, promise: `NOT CAUGHT by ${test}` }
    : { by: "a test", promise: failed.replaceAll(" ... ", ": ") };
}

/** A copy of what the simulator and the tests need. */
function copyProject(number: number): string {
  const copy = `${cache}mutants/${number}/`;
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  const parts = [
    "src",
    "adapters",
    "tests",
    "mod.ts",
    "promise.ts",
    "deno.json",
    "import_map.json",
  ];
  for (const part of parts) {
    cpSync(`${root}${part}`, `${copy}${part}`, { recursive: true });
  }
  return copy;
}

const places = marked();
const began = Date.now();
const { rest: named } = readArguments({
  name: "mutate",
  does: "Breaks the engine in known ways, each of which the simulator or a test must notice.",
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
const rows = verdicts.map(({ what, by, promise }) => [what, by ?? "–", promise]);
console.log(table(["mutation", "caught by", "promise"], rows));
const caught = verdicts.filter(({ by }) => by !== undefined).length;
const seconds = ((Date.now() - began) / 1000).toFixed(0);
console.log(`\n${caught} of ${chosen.length} mutations caught, in ${seconds} s`);
if (caught < chosen.length) process.exitCode = 1;
