import { mayRun, variable } from "./address.ts";

/**
 * How many seeds chance has its turn with: `SEEDS`, or 300. Without permissions it is fewer, as `deno test` is to be quick;
 * `deno task simulate` has any number.
 */
export const seeds: number = Number(variable("SEEDS") ?? (mayRun() ? 300 : 30));
