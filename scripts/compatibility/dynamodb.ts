import { join } from "node:path";
import { dynamodb } from "../../tests/servers/dynamodb.ts";
import { startServer } from "../../tests/servers/server.ts";
import { fromNpm } from "./packages.ts";
import type { Family, Started } from "./row.ts";
import { startMoto } from "./s3.ts";

async function startDynalite(): Promise<Started> {
  const modules = await fromNpm("dynalite@4.0.0", { dynalite: "4.0.0" });
  const server = await startServer({
    command: "node",
    args: (_, port) => {
      const times = ["--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0"];
      return [join(modules, "dynalite/cli.js"), "--port", String(port), ...times];
    },
    ready: "listening at",
  });
  return { ...server, version: "4.0.0" };
}

async function startMendedDynalite(): Promise<Started> {
  const { version, ...server } = await dynamodb.start();
  return { ...server, version: version.replace("dynalite ", "") };
}

/** The name of the one that the suites run with. */
export const mendedDynalite = "dynalite that heeds `ReturnValuesOnConditionCheckFailure`";

/** DynamoDB's stand-ins. */
export const dynamodbFamily: Family = {
  name: "dynamodb",
  client: "@aws-sdk/client-dynamodb@3.1169.0",
  connection: "connections/dynamodb.ts",
  rows: [
    { name: "dynalite", start: startDynalite },
    { name: mendedDynalite, start: startMendedDynalite },
    { name: "moto", start: startMoto },
  ],
};
