import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, type StartedServer, startServer } from "../../tests/servers/server.ts";
import { fromDebian } from "./packages.ts";
import type { Started } from "./row.ts";

/** Starts servers one after another, each of which may need those before it; all are stopped together. */
export async function startAll(
  ...starts: readonly ((started: readonly StartedServer[]) => Promise<StartedServer>)[]
): Promise<StartedServer> {
  const started: StartedServer[] = [];
  const stop = async () => {
    for (const server of started.toReversed()) await server.stop();
  };
  try {
    for (const start of starts) started.push(await start(started));
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...started.at(-1)!, stop };
}

/** A program that has its settings in a file. */
export interface Configured {
  readonly command: string;
  readonly config: (folder: string, port: number) => string;
  readonly args: (file: string) => readonly string[];
  /** The signal that ends it and its children; SIGKILL by default. */
  readonly end?: "SIGQUIT";
}

/** Starts such a program; it is up once its port is listened to. */
export function startConfigured(
  { config, args, ...server }: Configured,
): Promise<StartedServer> {
  return startServer({
    ...server,
    args: (folder, port) => {
      const file = join(folder, "config");
      writeFileSync(file, config(folder, port));
      return args(file);
    },
    ready: accepts,
  });
}

/** Starts twemproxy before a server, with more settings of its pool. */
export async function startTwemproxyBefore(
  start: () => Promise<StartedServer>,
  setting: string,
): Promise<Started> {
  const { path, version } = await fromDebian("nutcracker");
  const statistics = String(await freePort());
  const proxy = await startAll(start, ([server]) =>
    startConfigured({
      command: path,
      config: (_, port) =>
        `cache:
  listen: 127.0.0.1:${port}
  hash: fnv1a_64
  hash_tag: "{}"
  ${setting}
  servers:
    - 127.0.0.1:${server!.port}:1
`,
      args: (file) => ["-c", file, "-a", "127.0.0.1", "-s", statistics],
    }));
  return { ...proxy, version };
}

/** Whether a port of the loopback is listened to. */
export function accepts({ port }: Pick<StartedServer, "port">): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
