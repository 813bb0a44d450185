import { connect } from "./connection.ts";
import { fuzz } from "../../support/fuzz.ts";
import { foreignObjects, s3Url, skip } from "./clients.ts";

fuzz("s3", {
  skip,
  open: (codec) => connect({ url: s3Url!, codec }),
  hand: foreignObjects,
});
