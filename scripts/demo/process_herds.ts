import process from "node:process";
import { fileURLToPath } from "node:url";
import { redis } from "../../tests/servers/redis.ts";
import { newSqliteFile } from "../../tests/servers/sqlite.ts";
import { startWorker } from "../../tests/support/worker.ts";
import { deno } from "../project.ts";
import type { Flags } from "./flags.ts";
import type { Herd, Herds } from "./herd.ts";

const program = fileURLToPath(new URL("process.ts", import.meta.url));

/** What one of the processes is told at its start. */
export interface Orders {
  /** Where the cache is: an address, or the path of a file. */
  readonly url: string;
  /** What its keys begin with. */
  readonly prefix: string;
  readonly flags: Flags;
  readonly process: number;
}

/** What it is asked for. */
export interface Request {
  readonly herd: keyof Herds;
  readonly begins: number;
}

/** What it answers: first that it is connected, then its share of a herd. */
export type Answer =
  | { readonly ready: true }
  | { readonly failure: string }
  | { readonly share: Herd };

/**
 * The same herd twice in several processes over one cache: first with nothing but reads and writes. The cache is a new
 * file, or the Redis at REDIS_URL, or one that is started here. Without a server, the reason.
 */
export async function processHerds(flags: Flags): Promise<Herds | string> {
  const place = flags.adapter === "redis" ? await findRedis() : newSqliteFile();
  if (typeof place === "string") return place;
  const prefix = `cache-locking-demo:${crypto.randomUUID()}:`;
  const start = (process: number) => {
    const orders: Orders = { url: place.url, prefix, flags, process };
    return startWorker<Request, Answer>([deno, "run", "-A", program], orders);
  };
  // The first downloads what the others need as well.
  const processes = [start(0)];
  try {
    const answer = await processes[0]!.next();
    if ("failure" in answer) return `Cannot reach the cache: ${answer.failure}`;
    while (processes.length < flags.processes) processes.push(start(processes.length));
    await Promise.all(processes.slice(1).map(({ next }) => next()));
    const herdOf = async (herd: keyof Herds) => {
      // Time for all of them to read it.
      const request: Request = { herd, begins: Date.now() + 300 };
      const shares = await Promise.all(processes.map(({ send, next }) => {
        send(request);
        return next();
      }));
      return shares.flatMap((answer) => "share" in answer ? answer.share : [])
        .sort((a, b) => a.caller - b.caller);
    };
    return { unprotected: await herdOf("unprotected"), protected: await herdOf("protected") };
  } finally {
    await Promise.all(processes.map(({ end }) => end()));
    await place.stop();
  }
}

async function findRedis() {
  const url = process.env["REDIS_URL"];
  if (url) return { url, stop: () => Promise.resolve() };
  return await redis.start().catch((error: Error) =>
    `Cannot show processes over Redis: ${error.message}, or set REDIS_URL`
  );
}
