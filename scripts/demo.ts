/** Draws a herd, with and without cache-locking: `deno task demo`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { readFlags } from "./demo/flags.ts";
import { memoryHerds } from "./demo/memory_herds.ts";
import { processHerds } from "./demo/process_herds.ts";
import { drawSvg } from "./demo/svg.ts";
import { drawTerminal } from "./demo/terminal.ts";

function wantsColors({ NO_COLOR, FORCE_COLOR }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR) return false;
  return FORCE_COLOR ? FORCE_COLOR !== "0" : process.stdout.isTTY === true;
}

const flags = readFlags();
const herds = flags.adapter === "memory" ? await memoryHerds(flags) : await processHerds(flags);
if (typeof herds === "string") {
  console.error(herds);
  process.exitCode = 1;
} else {
  console.log(drawTerminal(herds, flags, wantsColors(process.env)));
  if (flags.svg !== undefined) {
    mkdirSync(dirname(flags.svg), { recursive: true });
    writeFileSync(flags.svg, drawSvg(herds, flags));
    console.log(`\n  Written: ${flags.svg}`);
  }
}
