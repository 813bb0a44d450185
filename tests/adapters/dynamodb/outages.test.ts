import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { startDynamodb } from "../../servers/dynamodb.ts";
import { variable } from "../../support/address.ts";
import { outages } from "../../support/outages.ts";
import { connect } from "./connection.ts";

// Its tables outlive a restart, as those of DynamoDB do.
const folder = variable("DYNAMODB_SERVER") && mkdtempSync(join(tmpdir(), "cache-locking-"));
after(() => folder && rmSync(folder, { recursive: true, force: true }));

outages("DynamoDB", {
  program: "DYNAMODB_SERVER",
  start: (program, { port }) => startDynamodb(program, { port, args: [folder!] }),
  open: (port) => connect({ url: `http://127.0.0.1:${port}` }),
});
