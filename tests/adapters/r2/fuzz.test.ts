import { connect } from "./connection.ts";
import { fuzz } from "../../support/fuzz.ts";
import { foreignObjects, s3Url, skip } from "../s3/clients.ts";

fuzz("r2", {
  skip,
  open: (codec) => connect({ url: s3Url!, codec }),
  hand: foreignObjects,
});
