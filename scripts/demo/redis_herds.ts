import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { redis } from "../../tests/servers/redis.ts";
import { deno } from "../project.ts";
import type { Flags } from "./flags.ts";
import type { Herd, Herds } from "./herd.ts";

/** What one of the processes is told at its start. */
export interface Orders {
  readonly url: string;
  readonly flags: Flags;
  readonly process: number;
}

/** What it is asked for, by a line each; it answers with a line that is its share of the herd. */
export interface Request {
  readonly herd: keyof Herds;
  readonly begins: number;
}

/** The same herd twice in several processes over one Redis: first with nothing but GET and SET. */
export async function redisHerds(flags: Flags): Promise<Herds> {
  const { url, stop } = await redis.start();
  const processes = Array.from(
    { length: flags.processes },
    (_, process) => startProcess({ url, flags, process }),
  );
  try {
    await Promise.all(processes.map(({ next }) => next()));
    const herdOf = async (herd: keyof Herds) => {
      // Time for all of them to hear of it.
      const request: Request = { herd, begins: Date.now() + 300 };
      const shares = await Promise.all(processes.map(({ child, next }) => {
        child.stdin!.write(`${JSON.stringify(request)}\n`);
        return next();
      }));
      return (shares as Herd[]).flat().sort((a, b) => a.caller - b.caller);
    };
    return { unprotected: await herdOf("unprotected"), protected: await herdOf("protected") };
  } finally {
    for (const { child } of processes) child.kill("SIGKILL");
    await stop();
  }
}

function startProcess(orders: Orders): { child: ChildProcess; next: () => Promise<unknown> } {
  const program = fileURLToPath(new URL("redis_process.ts", import.meta.url));
  const child = spawn(deno, ["run", "-A", program, JSON.stringify(orders)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("Cannot go on: a process of the demo has ended");
    return JSON.parse(value);
  };
  return { child, next };
}
