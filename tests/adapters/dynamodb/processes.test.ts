import { connect } from "./connection.ts";
import { dynamodbUrl, skip } from "./clients.ts";
import { openProxy } from "./proxy.ts";
import { rounds } from "../../support/rounds.ts";
import { skews } from "../../support/skews.ts";

const { url, operations } = skip === false
  ? await openProxy(dynamodbUrl!)
  : { url: "", operations: [] };

rounds("DynamoDB", {
  skip,
  connection: "dynamodb/connection",
  place: { url },
  open: () => connect({ url }),
  most: 40,
  count: () => {
    operations.length = 0;
    return Promise.resolve({ take: () => Promise.resolve(operations.splice(0)), stop: () => {} });
  },
});

skews("DynamoDB", { skip, connection: "dynamodb/connection", place: { url } });
