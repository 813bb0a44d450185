import { connect } from "./support/connections/dynamodb.ts";
import { dynamodbUrl, skip } from "./support/dynamodb_clients.ts";
import { openProxy } from "./support/dynamodb_proxy.ts";
import { rounds } from "./support/rounds.ts";
import { skews } from "./support/skews.ts";

const { url, operations } = skip === false
  ? await openProxy(dynamodbUrl!)
  : { url: "", operations: [] };

rounds("DynamoDB", {
  skip,
  connection: "dynamodb",
  place: { url },
  open: () => connect({ url }),
  most: 40,
  count: () => {
    operations.length = 0;
    return Promise.resolve({ take: () => Promise.resolve(operations.splice(0)), stop: () => {} });
  },
});

skews("DynamoDB", { skip, connection: "dynamodb", place: { url } });
