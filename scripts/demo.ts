/** Draws a herd, with and without cache-locking: `deno task demo`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { type Flags, help, parseFlags } from "./demo/flags.ts";
import { runHerds } from "./demo/herds.ts";
import { drawSvg } from "./demo/svg.ts";
import { drawTerminal } from "./demo/terminal.ts";

function flagsOrExit(): Flags {
  try {
    // Deno hands the `--` of `deno task demo -- --fail` on.
    return parseFlags(process.argv.slice(2).filter((argument) => argument !== "--"));
  } catch (error) {
    console.error(`${(error as Error).message}\n\nTry --help`);
    process.exit(2);
  }
}

function wantsColors({ NO_COLOR, FORCE_COLOR }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== "0" : process.stdout.isTTY === true;
}

const flags = flagsOrExit();
if (flags.help) {
  console.log(help);
} else {
  const herds = await runHerds(flags);
  console.log(drawTerminal(herds, flags, wantsColors(process.env)));
  if (flags.svg !== undefined) {
    mkdirSync(dirname(flags.svg), { recursive: true });
    writeFileSync(flags.svg, drawSvg(herds, flags));
    console.log(`\n  Written: ${flags.svg}`);
  }
}
