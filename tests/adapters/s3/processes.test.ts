import { connect } from "./connection.ts";
import { rounds } from "../../support/rounds.ts";
import { countRequests, s3Log, s3Url, skip, withoutLog } from "./clients.ts";
import { skews } from "../../support/skews.ts";

const place = { url: s3Url! };

rounds("S3", {
  skip: skip || withoutLog,
  connection: "s3/connection",
  place,
  open: () => connect(place),
  // Of which 18 are the proof before a process's first lease.
  most: 58,
  count: () => countRequests(s3Log!),
});

skews("S3", { skip, connection: "s3/connection", place });
