import type { Description } from "./description.ts";
import { ask, findProgram, type StartedServer, type StartOptions, startServer } from "./server.ts";

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

/** Sends one command of the text protocol, and returns the lines of the reply. */
export async function askMemcached(port: number, command: string): Promise<string[]> {
  return (await ask(port, command)).split("\r\n").filter(Boolean);
}

/** One memcached. Suites that stop and restart one of their own find the program in `MEMCACHED_SERVER`. */
export const memcached: Description = {
  backend: "memcached",
  find: () => findProgram("memcached"),
  async start() {
    const binary = await findProgram("memcached");
    const server = await startMemcached(binary);
    const [version] = await askMemcached(server.port, "version");
    return {
      ...server,
      version: version!.replace("VERSION", "memcached"),
      env: { MEMCACHED_SERVER: binary },
    };
  },
};
