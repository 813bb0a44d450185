import { parseArgs } from "node:util";

/** What the demo is asked for. */
export interface Flags {
  readonly adapter: "memory" | "redis";
  readonly processes: number;
  readonly callers: number;
  readonly fetchMs: number;
  /** The first fetch fails. */
  readonly fail: boolean;
  /** The first caller is cancelled in the middle of its fetch. */
  readonly cancel: boolean;
  /** Where to write the picture. */
  readonly svg: string | undefined;
  readonly help: boolean;
}

export const help = `Draws a herd: many callers of one cold key, with and without cache-locking.

Usage: deno task demo [flags]

  --adapter A    where the entries are: memory, or redis, which starts a server; memory without it
  --processes N  how many processes the callers are in, with redis; 4 without it
  --callers N    how many callers; 40 without it
  --fetch-ms N   how long a fetch takes, in milliseconds; 500 without it
  --fail         the first fetch fails: one other caller takes over
  --cancel       the first caller is cancelled in the middle of its fetch
  --svg FILE     writes the picture to FILE as well
  --help         shows this

Colours: on a terminal, or with FORCE_COLOR=1; never with NO_COLOR=1.`;

/** Reads the flags; throws an error that names the flag and the way out. */
export function parseFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string", default: "memory" },
      processes: { type: "string" },
      callers: { type: "string", default: "40" },
      "fetch-ms": { type: "string", default: "500" },
      fail: { type: "boolean", default: false },
      cancel: { type: "boolean", default: false },
      svg: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { adapter, processes = adapter === "redis" ? "4" : "1" } = values;
  if (adapter !== "memory" && adapter !== "redis") {
    throw new Error(`Cannot use --adapter ${JSON.stringify(adapter)}: it is memory or redis`);
  }
  const flags: Flags = {
    adapter,
    processes: wholeNumber("--processes", processes, 1, adapter === "redis" ? 16 : 1),
    callers: wholeNumber("--callers", values.callers, 1, 10_000),
    fetchMs: wholeNumber("--fetch-ms", values["fetch-ms"], 10, 60_000),
    fail: values.fail,
    cancel: values.cancel,
    svg: values.svg,
    help: values.help,
  };
  if (flags.fail && flags.cancel) {
    throw new Error("Cannot use --fail and --cancel together: choose one");
  }
  if (flags.svg === "") throw new Error("Cannot use --svg without the name of a file");
  return flags;
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new Error(
      `Cannot use ${flag} ${
        JSON.stringify(text)
      }: it takes a whole number from ${least} to ${most}`,
    );
  }
  return number;
}
