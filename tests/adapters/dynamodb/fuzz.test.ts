import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { dynamodbAdapter } from "../../../adapters/dynamodb.ts";
import { isWellFormed } from "../../../adapters/kit/names.ts";
import { connect, table } from "./connection.ts";
import { clientOf, dynamodbUrl, loadSdk, skip } from "./clients.ts";
import { counted } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";

fuzz("dynamodb", {
  async damaged() {
    const sdk = await loadSdk();
    const clients = [1, 2, 3].map(() => clientOf(sdk, dynamodbUrl!));
    const [one, two, admin] = clients;
    const { client, requests } = counted(one!, /^send$/);
    return {
      stores: [
        dynamodbAdapter({ client: client as never, table }),
        dynamodbAdapter({ client: two!, table }),
      ],
      requests,
      damage(key, draw) {
        const name = draw.of(
          ...["value", "owner", "version", "leaseTtl", "ended", "failures", "staleFor", "took"],
          ...["expiresAt", "freshUntil", "leaseUntil", "quietUntil"],
        );
        const isTime = name.endsWith("At") || name.endsWith("Until");
        const number = isTime ? draw.end() : draw.of(-1, 0, 5, 150, 4e9, 1e20);
        const value = draw.of<AttributeValue>(
          { S: draw.text() || "-" },
          { N: String(number) },
          { B: draw.bytes() },
          { NULL: true },
          { BOOL: false },
          { L: [{ S: draw.text() || "-" }] },
          { M: { a: { N: "5" } } },
        );
        const remove = draw.below(3) === 0;
        return admin!.send(
          new sdk.UpdateItemCommand({
            TableName: table,
            Key: { key: { S: key } },
            UpdateExpression: remove ? "REMOVE #name" : "SET #name = :value",
            ExpressionAttributeNames: { "#name": name },
            ...remove ? {} : { ExpressionAttributeValues: { ":value": value } },
          }),
        );
      },
      close: () => clients.forEach((client) => client.destroy()),
    };
  },
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
