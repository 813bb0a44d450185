import { connect } from "./support/connections/r2.ts";
import { rounds } from "./support/rounds.ts";
import { countRequests, s3Log, s3Url, skip, withoutLog } from "./support/s3_clients.ts";

const place = { url: s3Url! };

rounds("R2's S3 API", {
  skip: skip || withoutLog,
  connection: "r2",
  place,
  open: () => connect(place),
  most: 40,
  count: () => countRequests(s3Log!),
});
