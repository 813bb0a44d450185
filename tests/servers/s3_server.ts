import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort, type StartedServer, startServer } from "./server.ts";

/** An S3 server that was started here, with an empty bucket. */
export interface S3Server extends StartedServer {
  readonly port: number;
  readonly url: string;
  /** The file in which it notes each request, in a line. */
  readonly log: string;
}

/** The one bucket that there is. */
export const BUCKET = "cache";

/** What `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are, and `AWS_REGION`. */
export const LOCAL = "local";

/** Starts a Versity S3 Gateway, over files, on the loopback; rejects if it doesn't come up. */
export async function startS3Server(binary: string, port?: number): Promise<S3Server> {
  const listening = port ?? await freePort();
  const url = `http://127.0.0.1:${listening}`;
  let log = "";
  const { stop } = await startServer({
    command: binary,
    args: (folder) => {
      log = join(folder, "log");
      mkdirSync(join(folder, "data", BUCKET), { recursive: true });
      return [
        ...["--port", `127.0.0.1:${listening}`, "--region", LOCAL, "--quiet", "--keep-alive"],
        ...["--access-log", log, "posix", join(folder, "data")],
      ];
    },
    env: { ROOT_ACCESS_KEY: LOCAL, ROOT_SECRET_KEY: LOCAL },
    ready: async () => {
      const reply = await fetch(url);
      await reply.text();
      return reply.headers.get("server") === "VERSITYGW";
    },
  });
  return { port: listening, url, log, stop };
}
