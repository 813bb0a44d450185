import { connect } from "../s3/connection.ts";
import { fuzz } from "../../support/fuzz.ts";
import { foreignObjects, s3Url, skip } from "../s3/clients.ts";

fuzz("r2", {
  skip,
  open: (codec) => connect({ url: s3Url!, codec, r2: true }),
  hand: foreignObjects,
});
