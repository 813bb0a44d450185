import { r2Adapter } from "../../../adapters/r2.ts";
import { s3Adapter } from "../../../adapters/s3.ts";
import { bucket, clientOf, loadSdk } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of an S3 server, or of one that stands for R2: `r2: true`. */
export async function connect({ url, codec, r2 }: Place): Promise<Connection> {
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  const options = { client, bucket, codec };
  return {
    store: r2 ? r2Adapter(options) : s3Adapter(options),
    ready: () => client.send(new sdk.HeadBucketCommand({ Bucket: bucket })),
    close: () => client.destroy(),
  };
}
