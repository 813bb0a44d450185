import { createRequire } from "node:module";
import { dynamodbAdapter } from "../../../adapters/dynamodb.ts";
import { clientOf, createTable } from "../../../tests/adapters/dynamodb/clients.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of DynamoDB, which gets the table `cache`. */
export function connect({ url, client: path }: ClientPlace): Connection {
  const sdk = createRequire(import.meta.url)(path) as typeof import("@aws-sdk/client-dynamodb");
  const client = clientOf(sdk, url);
  return {
    store: dynamodbAdapter({ client, table: "cache" }),
    ready: () => createTable(sdk, client, { table: "cache" }),
    close: () => client.destroy(),
  };
}
