import { sharedFailures } from "../../support/shared_failures.ts";
import { s3Url, skip } from "./clients.ts";

sharedFailures("S3", { skip, connection: "s3/connection", place: { url: s3Url! } });
