/**
 * Processes of our own that talk by lines of JSON: their input has what they are told, their output what they answer. The
 * messages of `node:child_process`' `fork` lose the last answers of a process when its starter hangs up.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

/** A process that was started here. */
export interface Worker<Message, Answer> {
  readonly pid: number;
  send(message: Message): void;
  /** The next of its answers, in their order. Rejects if it could not be started, or has ended, with what it wrote. */
  next(): Promise<Answer>;
  /** Resolves once it has ended by itself. Rejects if it has failed, with what it wrote. */
  ended(): Promise<void>;
  /** Tells it that there are no more messages, and resolves once it has ended. Rejects if it has failed, likewise. */
  end(): Promise<void>;
}

/** How much is kept of what a process writes to its standard error, in characters. */
const LONGEST = 5000;

/** Starts one; its last argument is what it begins with, as JSON. */
export function startWorker<Message, Answer>(
  [program, ...args]: readonly string[],
  beginning: unknown,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Worker<Message, Answer> {
  const child = spawn(program!, [...args, JSON.stringify(beginning)], { env, stdio: "pipe" });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => {});
  const closed = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal!))
  );
  let said = "";
  child.stderr.on("data", (text) => said = (said + text).slice(-LONGEST));
  const failure = (how: unknown) =>
    new Error(`Cannot go on: ${[program, ...args].join(" ")} has ended with ${how}\n${said}`);
  // A process that was killed reads no more.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = async () => {
    const code = await closed;
    if (typeof code === "number" && code > 0) throw failure(code);
  };
  return {
    pid: child.pid!,
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    async next() {
      const { value, done } = await Promise.race([lines.next(), failed]);
      if (done) throw failure(await closed);
      return JSON.parse(value);
    },
    ended,
    end() {
      child.stdin.end();
      return ended();
    },
  };
}

/** In such a process: what it began with. */
export function beginning<A>(): A {
  return JSON.parse(process.argv.at(-1)!);
}

/** In such a process: the messages, until there are no more. */
export async function* messages<Message>(): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line);
}

/** In such a process: answers. */
export function answer(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
