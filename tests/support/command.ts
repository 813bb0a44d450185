import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder that `tests/` is in. */
const top = fileURLToPath(new URL("../../", import.meta.url));

/** How a command is run. */
export interface CommandOptions {
  /** Its folder; the one that `tests/` is in by default. */
  readonly cwd?: string;
  /** Variables that are set on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** After how many milliseconds it is killed; five minutes by default. */
  readonly timeout?: number;
  /** Ends it with SIGTERM when this has resolved. */
  readonly until?: Promise<unknown>;
}

/** What became of a command. */
export interface Finished {
  /** True if it exited with 0 in time. */
  readonly ok: boolean;
  /** What it wrote, both streams as they came. */
  readonly output: string;
}

/** Runs a command to its end and collects what it writes. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = top, env = {}, timeout = 300_000, until }: CommandOptions = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd,
      timeout,
      killSignal: "SIGTERM",
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // By its id: after `child.kill`, Deno says of a child that ends by itself that the signal has ended it.
    until?.then(() => child.exitCode === null && process.kill(child.pid!, "SIGTERM"));
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.on("error", (error) => resolve({ ok: false, output: `${output}${error.message}\n` }));
    child.on("close", (code, signal) => {
      if (signal) output += `Stopped by ${signal}, after ${timeout} ms at the latest: ${command}\n`;
      resolve({ ok: code === 0, output });
    });
  });
}

/** Runs a command that must succeed; throws what it wrote if it doesn't. */
export async function must(
  command: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Error(`Cannot run "${[command, ...args].join(" ")}":\n${output}`);
  return output;
}
