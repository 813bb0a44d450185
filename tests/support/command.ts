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
  /** After how many milliseconds it is stopped, by SIGINT and then by SIGKILL; five minutes by default. */
  readonly timeout?: number;
  /** After how many milliseconds in which it has written nothing it is stopped likewise; none by default. */
  readonly silence?: number;
  /** Ends it with SIGTERM when this has resolved. */
  readonly until?: Promise<unknown>;
}

/** What became of a command. */
export interface Finished {
  /** True if it exited with 0 in time. */
  readonly ok: boolean;
  /** What it wrote, both streams as they came. */
  readonly output: string;
  /** True if it was stopped because its time was over, or because it was silent. */
  readonly late: boolean;
}

/** How long a command that was stopped may take to end by itself, in milliseconds. */
const GRACE = 5000;

/** Runs a command to its end and collects what it writes. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = top, env = {}, timeout = 300_000, silence = timeout, until }: CommandOptions = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    let output = "";
    let late: string | undefined;
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // By its id: after `child.kill`, Deno says of a child that ends by itself that the signal has ended it.
    until?.then(() => child.exitCode === null && process.kill(child.pid!, "SIGTERM"));
    // Not spawn's own, which keeps Deno from ending where there is no such command. Deno tells which tests it was at.
    const stop = (why: string) => {
      if (late !== undefined) return;
      late = why;
      child.kill("SIGINT");
      timers.push(setTimeout(() => {
        child.kill("SIGKILL");
        // A process that it has started may still have them open.
        child.stdout.destroy();
        child.stderr.destroy();
      }, GRACE));
    };
    const timers = [setTimeout(() => stop(`after ${timeout} ms`), timeout)];
    const silent = () => setTimeout(() => stop(`after ${silence} ms without a word`), silence);
    let quiet = silent();
    const hear = (chunk: string) => {
      output += chunk;
      clearTimeout(quiet);
      quiet = silent();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const finish = (ok: boolean) => {
      [...timers, quiet].forEach(clearTimeout);
      if (late !== undefined) output += `Stopped ${late}: ${command}\n`;
      resolve({ ok: ok && late === undefined, output, late: late !== undefined });
    };
    child.on("error", ({ message }) => {
      output += `${message}\n`;
      finish(false);
    });
    child.on("close", (code, signal) => {
      if (signal && late === undefined) output += `Stopped by ${signal}: ${command}\n`;
      finish(code === 0);
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
