import { connect } from "node:net";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { type StartedServer, type StartOptions, startServer } from "./server.ts";

/** Starts a server on the loopback; rejects if it doesn't come up. */
export function startMemcached(
  binary: string,
  { port, args = [] }: StartOptions = {},
): Promise<StartedServer> {
  return startServer({
    command: binary,
    port,
    // It refuses to be root, and takes no notice of `-u` otherwise.
    args: (_, port) => ["-l", "127.0.0.1", "-p", String(port), "-u", "nobody", ...args],
    url: (host) => host,
    ready: async ({ port }) => (await askMemcached(port, "version")).length > 0,
  });
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
  find: findBinary,
  async start() {
    const binary = await findBinary();
    const server = await startMemcached(binary);
    const [version] = await askMemcached(server.port, "version");
    return {
      ...server,
      version: version!.replace("VERSION", "memcached"),
      env: { MEMCACHED_SERVER: binary },
    };
  },
};

async function findBinary(): Promise<string> {
  const found = await must("sh", ["-c", "command -v memcached"]).catch(() => "");
  if (!found) throw new Error("no memcached is installed; Debian's package is memcached");
  return found.trim();
}
