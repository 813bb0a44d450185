import { connect } from "./support/connections/s3.ts";
import { fuzz } from "./support/fuzz.ts";
import { foreignObjects, s3Url, skip } from "./support/s3_clients.ts";

fuzz("s3", {
  skip,
  open: (codec) => connect({ url: s3Url!, codec }),
  hand: foreignObjects,
});
