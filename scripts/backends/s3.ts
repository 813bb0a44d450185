import { join } from "node:path";
import { BUCKET, LOCAL, startS3Server } from "../../tests/servers/s3_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";

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
