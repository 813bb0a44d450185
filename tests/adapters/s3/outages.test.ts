import { startS3Server } from "../../servers/s3.ts";
import { outages } from "../../support/outages.ts";
import { connect } from "./connection.ts";

outages("S3", {
  program: "S3_SERVER",
  start: startS3Server,
  open: (port) => connect({ url: `http://127.0.0.1:${port}` }),
});
