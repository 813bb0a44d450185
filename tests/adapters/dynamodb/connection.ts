import { dynamodbAdapter } from "../../../adapters/dynamodb.ts";
import { clientOf, createTable, loadSdk } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** The table of all connections. */
export const table = "connections";

/** Opens a client of DynamoDB. */
export async function connect({ url, codec }: Place): Promise<Connection> {
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  return {
    store: dynamodbAdapter({ client, table, codec }),
    ready: () => createTable(sdk, client, { table }),
    close: () => client.destroy(),
  };
}
