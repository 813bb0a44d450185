import { startDynamodb } from "../../servers/dynamodb.ts";
import { outages } from "../../support/outages.ts";
import { connect } from "./connection.ts";

outages("DynamoDB", {
  program: "DYNAMODB_LOCAL",
  start: (folder, { port }) => startDynamodb(folder, port),
  open: (port) => connect({ url: `http://127.0.0.1:${port}` }),
});
