import { connect } from "../../../tests/adapters/dynamodb/connection.ts";
import { clientOf, loadSdk } from "../../../tests/adapters/dynamodb/clients.ts";
import type { BackendBench } from "../backend.ts";

/** DynamoDB, by dynalite, which is slower than what it stands for. */
export const bench: BackendBench = {
  name: "dynamodb",
  connect,
  async bare({ url }) {
    const sdk = await loadSdk();
    const client = clientOf(sdk, url);
    const read = (key: string) => {
      const Key = { key: { S: key } };
      return client.send(
        new sdk.GetItemCommand({ TableName: "connections", Key, ConsistentRead: true }),
      );
    };
    return { read, close: () => client.destroy() };
  },
};
