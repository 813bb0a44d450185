import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { redis } from "../../tests/servers/redis.ts";
import { deno } from "../project.ts";
import type { Flags } from "./flags.ts";
import type { Herd, Herds } from "./herd.ts";

/** What one of the processes is told at its start. */
export interface Orders {
  readonly url: string;
  /** What its keys begin with. */
  readonly prefix: string;
  readonly flags: Flags;
  readonly process: number;
}

/** What it is asked for, by a line each. */
export interface Request {
  readonly herd: keyof Herds;
  readonly begins: number;
}

/** What it answers, by a line each: first that it is connected, then its share of a herd. */
export type Answer =
  | { readonly ready: true }
  | { readonly failure: string }
  | { readonly share: Herd };

/**
 * The same herd twice in several processes over one Redis: first with nothing but GET and SET. The one at REDIS_URL, or
 * one that is started here. Without a server, the reason.
 */
export async function redisHerds(flags: Flags): Promise<Herds | string> {
  const server = await findRedis();
  if (typeof server === "string") return server;
  const prefix = `cache-locking-demo:${crypto.randomUUID()}:`;
  const processes = Array.from(
    { length: flags.processes },
    (_, process) => startProcess({ url: server.url, prefix, flags, process }),
  );
  try {
    for (const answer of await Promise.all(processes.map(({ next }) => next()))) {
      if ("failure" in answer) return `Cannot reach Redis: ${answer.failure}`;
    }
    const herdOf = async (herd: keyof Herds) => {
      // Time for all of them to read it.
      const request: Request = { herd, begins: Date.now() + 300 };
      const shares = await Promise.all(processes.map(({ child, next }) => {
        child.stdin!.write(`${JSON.stringify(request)}\n`);
        return next();
      }));
      return shares.flatMap((answer) => "share" in answer ? answer.share : [])
        .sort((a, b) => a.caller - b.caller);
    };
    return { unprotected: await herdOf("unprotected"), protected: await herdOf("protected") };
  } finally {
    for (const { child } of processes) child.kill("SIGKILL");
    await server.stop();
  }
}

async function findRedis() {
  const url = process.env["REDIS_URL"];
  if (url) return { url, stop: () => Promise.resolve() };
  return await redis.start().catch((error: Error) =>
    `Cannot show processes over Redis: ${error.message}, or set REDIS_URL`
  );
}

function startProcess(orders: Orders): { child: ChildProcess; next: () => Promise<Answer> } {
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
