import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD } from "../../tests/conformance/told.ts";
import { s3 } from "../../tests/servers/s3.ts";
import { type ServerCommand, startServer } from "../../tests/servers/server.ts";
import { fromGo, fromGoSource, fromMaven, fromNpm, fromPip } from "./packages.ts";
import type { Family, Started } from "./row.ts";

/** Starts an HTTP server that answers, whatever it answers, once it is up. */
async function startHttp(
  version: string,
  server: Pick<ServerCommand, "command" | "args" | "env">,
): Promise<Started> {
  const ready = async ({ url }: { readonly url: string }) => {
    await (await fetch(url)).text();
    return true;
  };
  return { ...await startServer({ ...server, ready }), version };
}

async function startVersitygw(): Promise<Started> {
  await s3.find({ fetch: true });
  const { version, ...server } = await s3.start();
  return {
    ...server,
    version: /\d[\d.]*$/.exec(version)![0],
    place: { region: "local", secretKey: PASSWORD },
  };
}

/** Starts moto, which serves DynamoDB, too. */
export async function startMoto(): Promise<Started> {
  const PYTHONPATH = await fromPip("moto-5.2.5", "moto[server,s3,dynamodb]==5.2.5");
  return await startHttp("5.2.5", {
    command: "python3",
    args: (_, port) => ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
    env: { PYTHONPATH, MOTO_ALLOW_NONEXISTENT_REGION: "True" },
  });
}

async function startMinistack(): Promise<Started> {
  const PYTHONPATH = await fromPip("ministack-1.5.33", "ministack==1.5.33");
  return await startHttp("1.5.33", {
    command: "sh",
    // It has its port by a variable alone.
    args: (_, port) => ["-c", `GATEWAY_PORT=${port} exec python3 -m ministack`],
    env: { PYTHONPATH },
  });
}

async function startGofakes3(): Promise<Started> {
  const module = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0";
  return await startHttp("1.2.0", {
    command: await fromGo("gofakes3-v1.2.0", "gofakes3", module),
    args: (_, port) => ["-host", `127.0.0.1:${port}`, "-backend", "memory"],
  });
}

/** rclone with the one backend that is served: with all of them it takes many minutes to build. */
const rcloneProgram = `package main

import (
	_ "github.com/rclone/rclone/backend/local"
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/serve/s3"
)

func main() { cmd.Main() }
`;

async function startRclone(): Promise<Started> {
  const module = "github.com/rclone/rclone@v1.76.0";
  return await startHttp("1.76.0", {
    command: await fromGoSource("rclone-v1.76.0", module, rcloneProgram),
    args: (folder, port) => {
      const flags = ["--addr", `127.0.0.1:${port}`, "--auth-key", "local,local"];
      return ["serve", "s3", ...flags, "--config", join(folder, "none"), join(folder, "data")];
    },
  });
}

function startS3Proxy(provider: string): () => Promise<Started> {
  return async () => {
    const artifact = "org.gaul:s3proxy:4.1.0:jar:jar-with-dependencies";
    const jar = await fromMaven("s3proxy-4.1.0", artifact);
    return await startHttp("4.1.0", {
      command: "java",
      args: (folder, port) => {
        mkdirSync(join(folder, "data"));
        const file = join(folder, "s3proxy.properties");
        writeFileSync(
          file,
          `s3proxy.endpoint=http://127.0.0.1:${port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity=local
s3proxy.credential=local
jclouds.provider=${provider}
jclouds.filesystem.basedir=${join(folder, "data")}
`,
        );
        return ["-Xmx512m", "-jar", jar, "--properties", file];
      },
    });
  };
}

async function startS3Mock(): Promise<Started> {
  const jar = await fromMaven("s3mock-5.2.0", "com.adobe.testing:s3mock:5.2.0:jar:exec");
  return await startHttp("5.2.0", {
    command: "java",
    args: (folder, port) => {
      const root = `--com.adobe.testing.s3mock.store.root=${folder}`;
      return ["-Xmx512m", "-jar", jar, `--http.port=${port}`, "--server.port=0", root];
    },
  });
}

async function startS3rver(): Promise<Started> {
  const modules = await fromNpm("s3rver@3.7.1", { s3rver: "3.7.1" });
  const server = await startHttp("3.7.1", {
    command: "node",
    args: (folder, port) => {
      const program = join(modules, "s3rver/bin/s3rver.js");
      const flags = ["-d", folder, "-a", "127.0.0.1", "-p", String(port), "--silent"];
      return [program, ...flags, "--configure-bucket", "cache"];
    },
  });
  return { ...server, place: { accessKey: "S3RVER" } };
}

/** S3, and what serves its API. */
export const s3Family: Family = {
  name: "s3",
  client: "@aws-sdk/client-s3@3.1175.0",
  connection: "connections/s3.ts",
  rows: [
    { name: "versitygw, posix", start: startVersitygw },
    { name: "moto", start: startMoto },
    { name: "ministack", start: startMinistack },
    { name: "gofakes3, memory", start: startGofakes3 },
    { name: "rclone serve s3, local", start: startRclone },
    { name: "S3Proxy, transient-nio2", start: startS3Proxy("transient-nio2") },
    { name: "S3Proxy, filesystem-nio2", start: startS3Proxy("filesystem-nio2") },
    { name: "S3Mock", start: startS3Mock },
    { name: "s3rver", start: startS3rver },
  ],
};
