import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/command.ts";
import { PASSWORD } from "../conformance/told.ts";
import type { Description } from "./description.ts";
import { type Fetched, fetched } from "./fetched.ts";
import { type StartedServer, type StartOptions, startServer } from "./server.ts";

/** An S3 server that was started here, with an empty bucket. */
export interface S3Server extends StartedServer {
  /** The file in which it notes each request, in a line. */
  readonly log: string;
}

/** The one bucket that there is. */
export const BUCKET = "cache";

/** What `AWS_ACCESS_KEY_ID` is, and `AWS_REGION`. */
export const LOCAL = "local";

/** Starts a Versity S3 Gateway, over files, on the loopback; rejects if it doesn't come up. */
export async function startS3Server(
  binary: string,
  { port, args = [] }: StartOptions = {},
): Promise<S3Server> {
  let log = "";
  const server = await startServer({
    command: binary,
    port,
    args: (folder, port) => {
      log = join(folder, "log");
      mkdirSync(join(folder, "data", BUCKET), { recursive: true });
      return [
        ...["--port", `127.0.0.1:${port}`, "--region", LOCAL, "--quiet", "--keep-alive", ...args],
        ...["--access-log", log, "posix", join(folder, "data")],
      ];
    },
    env: { ROOT_ACCESS_KEY: LOCAL, ROOT_SECRET_KEY: PASSWORD },
    ready: async ({ url }) => {
      const reply = await fetch(url);
      await reply.text();
      return reply.headers.get("server") === "VERSITYGW";
    },
  });
  return { ...server, log };
}

const version = "v1.8.0";
const module = `github.com/versity/versitygw/cmd/versitygw@${version}`;

const server: Fetched = {
  name: `versitygw-${version}`,
  install: (folder) =>
    must("go", ["install", module], { env: { GOBIN: folder }, timeout: 900_000 }),
};

async function findBinary(options?: { readonly fetch: boolean }): Promise<string> {
  return join(await fetched(server, options), "versitygw");
}

/**
 * A Versity S3 Gateway, over files. Suites that stop and restart one of their own find the program in `S3_SERVER`, and
 * those that count requests find their log in `S3_ACCESS_LOG`.
 */
export const s3: Description = {
  backend: "s3",
  find: findBinary,
  async start() {
    const binary = await findBinary();
    const server = await startS3Server(binary);
    const env = {
      S3_SERVER: binary,
      S3_ACCESS_LOG: server.log,
      S3_BUCKET: BUCKET,
      AWS_REGION: LOCAL,
      AWS_ACCESS_KEY_ID: LOCAL,
      AWS_SECRET_ACCESS_KEY: PASSWORD,
      // The SDK prints which versions of Node it is going to leave.
      NODE_NO_WARNINGS: "1",
    };
    return { ...server, version: `Versity S3 Gateway ${version}`, env };
  },
};
