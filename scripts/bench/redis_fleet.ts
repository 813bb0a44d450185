import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { deno } from "../project.ts";
import type * as makers from "./redis_peers.ts";

/** What a process is asked to do. */
export interface Task {
  /** By which cache. */
  readonly peer: keyof typeof makers;
  readonly key: string;
  /** How many calls at once. */
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** Whether every fetch fails. */
  readonly down: boolean;
  /** When: epoch milliseconds. */
  readonly begins: number;
}

/** What came of it. */
export interface Share {
  /** What the cache is called. */
  readonly name: string;
  readonly fetches: number;
  /** How many callers had no value. */
  readonly failed: number;
  /** How long the slowest caller took, in milliseconds. */
  readonly slowest: number;
}

/** Processes over one Redis that wait to be told what to do. */
export interface Fleet {
  /** Has the first `processes` do it all at the same time. */
  readonly run: (processes: number, task: Omit<Task, "begins">) => Promise<Share[]>;
  readonly stop: () => Promise<void>;
}

/** Time for all processes to hear of a task, in milliseconds. */
const NOTICE = 200;

/** Starts processes, each with clients of its own. */
export async function startFleet(size: number, url: string): Promise<Fleet> {
  const processes = Array.from({ length: size }, () => startProcess(url));
  await Promise.all(processes.map(({ next }) => next()));
  return {
    run: (count, task) =>
      Promise.all(
        processes.slice(0, count).map(({ child, next }) => {
          child.stdin!.write(`${JSON.stringify({ ...task, begins: Date.now() + NOTICE })}\n`);
          return next() as Promise<Share>;
        }),
      ),
    stop: async () => {
      await Promise.all(processes.map(({ child, over }) => {
        child.stdin!.end();
        return over;
      }));
    },
  };
}

function startProcess(
  url: string,
): { child: ChildProcess; next: () => Promise<unknown>; over: Promise<void> } {
  const program = fileURLToPath(new URL("redis_process.ts", import.meta.url));
  const child = spawn(deno, ["run", "-A", "--no-check", program, url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const over = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("Cannot go on: a process of the benchmark has ended");
    return JSON.parse(value);
  };
  return { child, next, over };
}
