import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { must } from "../support/command.ts";

/** How a server is started. */
export interface StartOptions {
  /** The port of the loopback; a free one by default. */
  readonly port?: number | undefined;
  /** More of its program's arguments. */
  readonly args?: readonly string[];
}

/** What starts a server. */
export interface ServerCommand {
  /** Its program. */
  readonly command: string;
  /** Its arguments; the folder is empty, its own, and goes with it. */
  readonly args: (folder: string, port: number) => readonly string[];
  /** Its port; a free one by default. */
  readonly port?: number | undefined;
  /** The address for clients of the server at this host and port; `http://` and these by default. */
  readonly url?: (host: string) => string;
  /** The variables that it has on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes, on either stream, once it is up; or a look whether it is, which is taken every 20 ms. */
  readonly ready: string | ((server: Pick<StartedServer, "port" | "url">) => Promise<boolean>);
  /** The signal that ends it where it stands; SIGKILL by default. */
  readonly end?: "SIGKILL" | "SIGQUIT";
}

/** A server that was started here, with a folder that goes with it. */
export interface StartedServer {
  readonly port: number;
  readonly url: string;
  /** Ends it where it stands and waits until it has ended; what it held is gone. */
  stop(): Promise<void>;
}

const PATIENCE = 30_000;

/** Starts a server; rejects, with what it wrote, if it isn't up within half a minute. */
export function startServer(command: ServerCommand): Promise<StartedServer> {
  return command.port === undefined ? again(() => startOnce(command)) : startOnce(command);
}

/** Starts again what didn't come up, twice at most: a port that was free may have been taken meanwhile. */
export async function again<A>(start: () => Promise<A>): Promise<A> {
  for (let tries = 1;; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

async function startOnce(
  { command, args, port: wanted, url: urlAt, env, ready, end: signal = "SIGKILL" }: ServerCommand,
): Promise<StartedServer> {
  const port = wanted ?? await freePort();
  const host = `127.0.0.1:${port}`;
  const url = urlAt?.(host) ?? `http://${host}`;
  const folder = mkdtempSync(join(tmpdir(), "cache-locking-"));
  const server = spawn(command, args(folder, port), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  let ended: string | undefined;
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (data) => output = (output + data).slice(-100_000));
  }
  const over = new Promise<void>((resolve) => {
    const end = (how: string) => {
      ended ??= how;
      resolve();
    };
    server.once("error", ({ message }) => end(message));
    server.once("close", (code, signal) => end(`it ended with ${signal ?? code}`));
  });
  const stop = async () => {
    server.kill(signal);
    await over;
    rmSync(folder, { recursive: true, force: true });
  };
  const look = typeof ready === "string"
    ? () => Promise.resolve(output.includes(ready))
    : () => ready({ port, url });
  const began = performance.now();
  while (!await look().catch(() => false)) {
    const late = performance.now() - began > PATIENCE ? `not within ${PATIENCE} ms` : undefined;
    const reason = ended ?? late;
    if (reason !== undefined) {
      await stop();
      throw new Error(`${command} did not come up: ${reason}\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { port, url, stop };
}

/** How long a server may be silent that is asked, in milliseconds: a Sentinel never closes the connection. */
const SILENCE = 10_000;

/** Sends a command on a connection of its own, then `quit`, and returns the reply as it came. Rejects if it doesn't end. */
export function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\nquit\r\n`));
    let reply = "";
    socket.setTimeout(SILENCE, () => {
      const where = `the server at port ${port}`;
      socket.destroy(
        new Error(`${command}: ${where} was silent for ${SILENCE} ms, after "${reply.trim()}"`),
      );
    });
    socket.on("data", (data) => reply += data);
    socket.on("error", reject);
    socket.on("close", () => resolve(reply));
  });
}

/** Finds a program by one of its names; rejects, with the Debian package that has the first, where there is none. */
export async function findProgram(...names: readonly [string, ...string[]]): Promise<string> {
  for (const name of names) {
    const found = await must("sh", ["-c", `command -v ${name}`]).catch(() => "");
    if (found) return found.trim();
  }
  throw new Error(`no ${names[0]} is installed; Debian's package is ${names[0]}`);
}

/**
 * A port of the loopback that is free now: below those that systems give to clients, so that none has it while the server is
 * started, or started again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
