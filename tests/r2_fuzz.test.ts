import { connect } from "./support/connections/r2.ts";
import { fuzz } from "./support/fuzz.ts";
import { foreignObjects, s3Url, skip } from "./support/s3_clients.ts";

fuzz("r2", {
  skip,
  open: (codec) => connect({ url: s3Url!, codec }),
  hand: foreignObjects,
});
