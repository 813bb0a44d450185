import { orExit, readArguments, wholeNumber } from "../arguments.ts";

/** Where the demo's cache is; how many processes share the callers there, by default. */
const defaults = { sqlite: "3", redis: "4", memory: "1" } as const;
type Adapter = keyof typeof defaults;

/** What the demo is asked for. */
export interface Flags {
  readonly adapter: Adapter;
  readonly processes: number;
  readonly callers: number;
  readonly fetchMs: number;
  /** The first fetch fails. */
  readonly fail: boolean;
  /** The first caller is cancelled in the middle of its fetch. */
  readonly cancel: boolean;
  /** The entry is there, and stale. */
  readonly stale: boolean;
  /** Where to write the picture. */
  readonly svg: string | undefined;
}

/** Reads the flags of this process, which ends here for `--help` and for flags that can't be used. */
export function readFlags(): Flags {
  const { values } = readArguments({
    name: "demo",
    does: "Draws a herd: many callers of one cold key, without cache-locking and with it.",
    options: {
      adapter: {
        type: "string",
        value: "A",
        default: "sqlite",
        help:
          "sqlite (a new file), memory, or redis: the server at REDIS_URL, or one that is started for the demo",
      },
      processes: {
        type: "string",
        value: "N",
        help: "processes that share the callers (default: 3; with redis 4, with memory always 1)",
      },
      callers: { type: "string", value: "N", default: "40", help: "callers" },
      "fetch-ms": {
        type: "string",
        value: "N",
        default: "500",
        help: "the time that a fetch takes, in milliseconds",
      },
      fail: { type: "boolean", help: "the first fetch fails: one other caller takes over" },
      cancel: { type: "boolean", help: "the first caller is cancelled in the middle of its fetch" },
      stale: {
        type: "boolean",
        help:
          "with cache-locking, the entry is there and stale: callers have it, and one refreshes it",
      },
      svg: { type: "string", value: "FILE", help: "write the picture to FILE, too" },
    },
    more: "Colours: on a terminal, or with FORCE_COLOR=1; never with NO_COLOR=1.",
  });
  return orExit(() => {
    const { fail, cancel, stale, svg } = values;
    if (!Object.hasOwn(defaults, values.adapter)) {
      const given = JSON.stringify(values.adapter);
      throw new Error(`Cannot use --adapter ${given}: use sqlite, memory or redis`);
    }
    const adapter = values.adapter as Adapter;
    const processes = values.processes ?? defaults[adapter];
    if (fail && cancel) throw new Error("Cannot use --fail and --cancel together: choose one");
    if (stale && cancel) throw new Error("Cannot use --stale and --cancel together: choose one");
    if (svg === "") throw new Error("Cannot use --svg without the name of a file");
    return {
      adapter,
      processes: wholeNumber("--processes", processes, 1, adapter === "memory" ? 1 : 16),
      callers: wholeNumber("--callers", values.callers, 1, 10_000),
      fetchMs: wholeNumber("--fetch-ms", values["fetch-ms"], 10, 60_000),
      fail,
      cancel,
      stale,
      svg,
    };
  });
}
