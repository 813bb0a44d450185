import { connect } from "../s3/connection.ts";
import { rounds } from "../../support/rounds.ts";
import { countRequests, s3Log, s3Url, skip, withoutLog } from "../s3/clients.ts";

const place = { url: s3Url!, r2: true };

rounds("R2's S3 API", {
  skip: skip || withoutLog,
  connection: "s3/connection",
  place,
  open: () => connect(place),
  most: 40,
  count: () => countRequests(s3Log!),
});
