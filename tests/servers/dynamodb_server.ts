import { join } from "node:path";
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
