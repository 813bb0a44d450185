import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientOf, createTable, loadSdk } from "../adapters/dynamodb/clients.ts";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";
import { freePort, startServer } from "./server.ts";

/** A DynamoDB Local that was started here. */
export interface DynamodbServer {
  readonly port: number;
  readonly url: string;
  /** Kills it and waits until it has ended; what it held is gone. */
  stop(): Promise<void>;
}

/** Starts the one whose jars are in this folder, on this port of the loopback or on a free one. */
export async function startDynamodb(folder: string, listening?: number): Promise<DynamodbServer> {
  const port = listening ?? await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { stop } = await startServer({
    command: "java",
    args: () => [
      // It starts in a third of the time so, and is quicker for as long as the suites take.
      ...["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"],
      ...[`-Djava.library.path=${folder}`, "-cp", join(folder, "*")],
      "software.amazon.dynamodb.services.local.main.ServerRunner",
      ...["-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(port)],
    ],
    ready: async () => (await (await fetch(url)).text()).includes("dynamodb"),
  });
  return { port, url, stop };
}

const version = "3.0.0";
const plugin = "org.apache.maven.plugins:maven-dependency-plugin:2.8";

/** The credentials and the region that the examples find, as their readers' are found. */
const env = {
  AWS_REGION: "local",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  // It would print which versions of Node it is going to leave.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

/**
 * DynamoDB Local, Amazon's own, with a table `cache`. Suites that stop and restart one of their own find its folder in
 * `DYNAMODB_LOCAL`.
 */
export const dynamodb: Description = {
  backend: "dynamodb",
  async start() {
    await must("java", ["-version"]).catch(() => {
      throw new Error("no Java is installed; Debian's package is default-jre-headless");
    });
    const folder = await fetched(`dynamodb-local-${version}`, install);
    const { url, stop } = await startDynamodb(folder);
    const sdk = await loadSdk();
    const client = clientOf(sdk, url);
    await createTable(sdk, client, { table: "cache" });
    client.destroy();
    const variables = { ...env, DYNAMODB_LOCAL: folder };
    return { version: `DynamoDB Local ${version}`, url, env: variables, stop };
  },
};

const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>cache-locking</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.dynamodb</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`;

async function install(folder: string): Promise<void> {
  writeFileSync(join(folder, "pom.xml"), pom);
  const options = ["includeScope=runtime", "mdep.stripVersion=true", `outputDirectory=${folder}`];
  await must(
    "mvn",
    ["-q", "-B", `${plugin}:copy-dependencies`, ...options.map((option) => `-D${option}`)],
    { cwd: folder },
  );
}
