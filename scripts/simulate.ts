/**
 * Attacks the promises in virtual time: `deno task simulate --seeds N --seed S`. Half of the seeds run with each Effect,
 * in a process of its own; `--effect` chooses one. A seed that breaks a promise is printed and shrunk.
 */
import { fileURLToPath } from "node:url";
import { orExit, readArguments, wholeNumber } from "./arguments.ts";
import { deno, type EffectMajor, importFlags } from "./project.ts";
import { report, type Result, tally } from "./result.ts";
import { run } from "../tests/support/command.ts";

/** How many seeds one process plays: what has crashed in the simulation stays in its memory, and makes it slow. */
const SEEDS_AT_ONCE = 1_000;

const program = fileURLToPath(new URL("../tests/simulation/program.ts", import.meta.url));

/** Plays so many seeds with one Effect. */
function simulate(effect: EffectMajor, first: number, seeds: number): Promise<Result> {
  const name = `Seeds ${first} to ${first + seeds - 1}, Effect ${effect}`;
  return tally(name, async (count) => {
    for (let seed = first; seed < first + seeds; seed += SEEDS_AT_ONCE) {
      const some = Math.min(SEEDS_AT_ONCE, first + seeds - seed);
      const flags = ["-A", "--no-check", ...(effect === 4 ? [] : importFlags(effect))];
      const { ok, output } = await run(
        deno,
        ["run", ...flags, program, String(seed), String(some)],
        { timeout: 3_600_000 },
      );
      const broken = output.match(/^BROKEN .*$/gm) ?? [];
      count.pass(some - broken.length);
      if (broken.length > 0) count.fail(output, broken.length);
      else if (!ok) count.fail(output);
    }
  });
}

/** Plays seeds with both Effects at once, or with one. */
export async function simulateSeeds(
  { seeds, seed, effect }: {
    readonly seeds: number;
    readonly seed: number;
    readonly effect?: EffectMajor | undefined;
  },
): Promise<Result[]> {
  if (effect !== undefined) return [await simulate(effect, seed, seeds)];
  const half = Math.ceil(seeds / 2);
  const rest = seeds - half;
  return await Promise.all([
    simulate(4, seed, half),
    ...(rest > 0 ? [simulate(3, seed + half, rest)] : []),
  ]);
}

if (import.meta.main) {
  const { values } = readArguments({
    name: "simulate",
    does: "Attacks the promises in virtual time. A seed that breaks one is printed and shrunk.",
    options: {
      seeds: { type: "string", value: "N", default: "10000", help: "how many seeds" },
      seed: { type: "string", value: "N", default: "1", help: "the first seed" },
      effect: {
        type: "string",
        value: "N",
        help: "3 or 4: all seeds with this Effect; without it, half with each",
      },
    },
  });
  const number = (name: "seeds" | "seed") => wholeNumber(`--${name}`, values[name], 1, 2 ** 31);
  const options = orExit(() => ({
    seeds: number("seeds"),
    seed: number("seed"),
    effect: values.effect && wholeNumber("--effect", values.effect, 3, 4) as EffectMajor,
  }));
  console.log(`Plays ${options.seeds} seeds`);
  report(await simulateSeeds({ ...options, effect: options.effect || undefined }));
}
