import { variable, withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { startDynamodb } from "../../servers/dynamodb.ts";
import { outages } from "../../support/outages.ts";

const folder = variable("DYNAMODB_LOCAL");
const toxiproxy = variable("TOXIPROXY_URL");

outages("DynamoDB", {
  skip: folder === undefined
    ? withoutServer("DYNAMODB_LOCAL")
    : toxiproxy === undefined
    ? withoutServer("TOXIPROXY_URL")
    : false,
  toxiproxy,
  start: (port) => startDynamodb(folder!, port),
  open: (port) => connect({ url: `http://127.0.0.1:${port}` }),
});
