import { dynamodbAdapter } from "../../../adapters/dynamodb.ts";
import { clientOf, createTable, loadSdk } from "../dynamodb_clients.ts";
import { skewClock } from "../skewed_clock.ts";
import type { Connection, Place } from "./connection.ts";

/** The table of all connections. */
export const table = "connections";

/** Opens a client of DynamoDB; `skew`: by how much this process's clock is to be wrong. */
export async function connect({ url, codec, skew }: Place): Promise<Connection> {
  if (typeof skew === "number") skewClock(skew);
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  return {
    store: dynamodbAdapter({ client, table, codec }),
    ready: () => createTable(sdk, client, { table }),
    close: () => client.destroy(),
  };
}
