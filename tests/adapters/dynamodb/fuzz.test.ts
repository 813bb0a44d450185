import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { isWellFormed } from "../../../adapters/kit/names.ts";
import { connect, table } from "./connection.ts";
import { clientOf, dynamodbUrl, loadSdk, skip } from "./clients.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";

fuzz("dynamodb", {
  skip,
  open: (codec) => connect({ url: dynamodbUrl!, codec }),
  refuses: (key) => !isWellFormed(key) || new TextEncoder().encode(key).length > 2048,
  fullAt: 400 * 1024,
  async hand(): Promise<OpenHand> {
    const sdk = await loadSdk();
    const client = clientOf(sdk, dynamodbUrl!);
    const write = (key: string, value: AttributeValue) =>
      client.send(new sdk.PutItemCommand({ TableName: table, Item: { key: { S: key }, value } }));
    return {
      write: (key, B) => write(key, { B }),
      others: {
        text: (key) => write(key, { S: "{" }),
        number: (key) => write(key, { N: "5" }),
        map: (key) => write(key, { M: { a: { BOOL: true } } }),
        null: (key) => write(key, { NULL: true }),
      },
      close: () => client.destroy(),
    };
  },
});
