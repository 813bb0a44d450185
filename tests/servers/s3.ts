import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";
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

const version = "v1.8.0";
const module = `github.com/versity/versitygw/cmd/versitygw@${version}`;

/**
 * A Versity S3 Gateway, over files. Suites that stop and restart one of their own find the program in `S3_SERVER`, and
 * those that count requests find their log in `S3_ACCESS_LOG`.
 */
export const s3: Description = {
  backend: "s3",
  async start() {
    const folder = await fetched(
      `versitygw-${version}`,
      (folder) => must("go", ["install", module], { env: { GOBIN: folder }, timeout: 900_000 }),
    );
    const binary = join(folder, "versitygw");
    const { url, log, stop } = await startS3Server(binary);
    const env = {
      S3_SERVER: binary,
      S3_ACCESS_LOG: log,
      S3_BUCKET: BUCKET,
      AWS_REGION: LOCAL,
      AWS_ACCESS_KEY_ID: LOCAL,
      AWS_SECRET_ACCESS_KEY: LOCAL,
      // The SDK prints which versions of Node it is going to leave.
      NODE_NO_WARNINGS: "1",
    };
    return { version: `Versity S3 Gateway ${version}`, url, env, stop };
  },
};
