import { connect } from "./connection.ts";
import { rounds } from "../../support/rounds.ts";
import { countRequests, s3Log, s3Url, skip, withoutLog } from "../s3/clients.ts";

const place = { url: s3Url! };

rounds("R2's S3 API", {
  skip: skip || withoutLog,
  connection: "r2/connection",
  place,
  open: () => connect(place),
  most: 40,
  count: () => countRequests(s3Log!),
});
