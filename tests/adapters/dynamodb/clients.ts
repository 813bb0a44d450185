import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { Effect, type Scope } from "effect";
import { PASSWORD } from "../../conformance/told.ts";
import { variable, withoutServer } from "../../support/address.ts";

/** Where the server is. */
export const dynamodbUrl: string | undefined = variable("DYNAMODB_URL");

/** Why the suites are skipped, if they are. */
export const skip: string | false = dynamodbUrl === undefined && withoutServer("DYNAMODB_URL");

type Sdk = typeof import("@aws-sdk/client-dynamodb");

/** The SDK, which is loaded late: it looks at the environment. */
export const loadSdk = (): Promise<Sdk> => import("@aws-sdk/client-dynamodb");

/** A client of the server at this address. */
export function clientOf(
  { DynamoDBClient }: Sdk,
  endpoint: string,
  options: DynamoDBClientConfig = {},
): DynamoDBClient {
  const credentials = { accessKeyId: "local", secretAccessKey: PASSWORD };
  return new DynamoDBClient({ endpoint, region: "local", credentials, ...options });
}

/** A client that is destroyed with the scope. */
export function opened(sdk: Sdk): Effect.Effect<DynamoDBClient, never, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.sync(() => clientOf(sdk, dynamodbUrl!)),
    (client) => Effect.sync(() => client.destroy()),
  );
}

/** Makes a table as the adapter needs it, if it isn't there, and waits until it can be used. */
export async function createTable(
  { CreateTableCommand, waitUntilTableExists }: Sdk,
  client: DynamoDBClient,
  { table, key = "key" }: { readonly table: string; readonly key?: string },
): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      AttributeDefinitions: [{ AttributeName: key, AttributeType: "S" }],
      KeySchema: [{ AttributeName: key, KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  ).catch((error) => {
    if (error.name !== "ResourceInUseException") throw error;
  });
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: table });
}
