import { connect } from "node:net";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { freePort, startServer } from "./server.ts";

/** A memcached that was started here. */
export interface MemcachedServer {
  readonly port: number;
  /** As memjs takes it: `127.0.0.1:11211`. */
  readonly url: string;
  /** What it says that it is: `1.6.18`. */
  readonly version: string;
  /** Ends it and waits until it has ended; what it held is gone. */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface MemcachedServerOptions {
  /** The port; a free one by default. */
  readonly port?: number | undefined;
  /** More of its arguments. */
  readonly args?: readonly string[];
}

/** Starts a server on the loopback; rejects if it doesn't come up. */
export async function startMemcached(
  binary: string,
  { port, args = [] }: MemcachedServerOptions = {},
): Promise<MemcachedServer> {
  const listening = port ?? await freePort();
  let version = "";
  const { stop } = await startServer({
    command: binary,
    // It refuses to be root, and takes no notice of `-u` otherwise.
    args: () => ["-l", "127.0.0.1", "-p", String(listening), "-u", "nobody", ...args],
    async ready() {
      [version = ""] = await askMemcached(listening, "version");
      return version !== "";
    },
  });
  const name = version.replace("VERSION ", "");
  return { port: listening, url: `127.0.0.1:${listening}`, version: name, stop };
}

/** Sends one command of the text protocol on a connection of its own, and returns the lines of the reply. */
export function askMemcached(port: number, command: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\nquit\r\n`));
    let reply = "";
    socket.on("data", (data) => reply += data);
    socket.on("error", reject);
    socket.on("close", () => resolve(reply.split("\r\n").filter(Boolean)));
  });
}

/** One memcached. Suites that stop and restart one of their own find the program in `MEMCACHED_SERVER`. */
export const memcached: Description = {
  backend: "memcached",
  async start() {
    const found = await must("sh", ["-c", "command -v memcached"]).catch(() => "");
    if (!found) throw new Error("no memcached is installed; Debian's package is memcached");
    const binary = found.trim();
    const { version, url, stop } = await startMemcached(binary);
    return { url, stop, version: `memcached ${version}`, env: { MEMCACHED_SERVER: binary } };
  },
};
