import { variable, withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { outages } from "../../support/outages.ts";
import { startS3Server } from "../../servers/s3.ts";

const binary = variable("S3_SERVER");
const toxiproxy = variable("TOXIPROXY_URL");

outages("S3", {
  skip: binary === undefined
    ? withoutServer("S3_SERVER")
    : toxiproxy === undefined
    ? withoutServer("TOXIPROXY_URL")
    : false,
  toxiproxy,
  start: (port) => startS3Server(binary!, port),
  open: (port) => connect({ url: `http://127.0.0.1:${port}` }),
});
