import { orExit, readArguments, wholeNumber } from "../arguments.ts";

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
        default: "memory",
        help: "memory, or redis: the server at REDIS_URL, or one that is started for the demo",
      },
      processes: {
        type: "string",
        value: "N",
        help: "processes that share the callers, with redis (default 4)",
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
      svg: { type: "string", value: "FILE", help: "write the picture to FILE, too" },
    },
    more: "Colours: on a terminal, or with FORCE_COLOR=1; never with NO_COLOR=1.",
  });
  return orExit(() => {
    const { adapter, processes = adapter === "redis" ? "4" : "1", fail, cancel, svg } = values;
    if (adapter !== "memory" && adapter !== "redis") {
      throw new Error(`Cannot use --adapter ${JSON.stringify(adapter)}: use memory or redis`);
    }
    if (fail && cancel) throw new Error("Cannot use --fail and --cancel together: choose one");
    if (svg === "") throw new Error("Cannot use --svg without the name of a file");
    return {
      adapter,
      processes: wholeNumber("--processes", processes, 1, adapter === "redis" ? 16 : 1),
      callers: wholeNumber("--callers", values.callers, 1, 10_000),
      fetchMs: wholeNumber("--fetch-ms", values["fetch-ms"], 10, 60_000),
      fail,
      cancel,
      svg,
    };
  });
}
