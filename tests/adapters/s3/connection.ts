import { s3Adapter } from "../../../adapters/s3.ts";
import { bucket, clientOf, loadSdk } from "./clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of an S3 server. */
export async function connect({ url, codec }: Place): Promise<Connection> {
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  return {
    store: s3Adapter({ client, bucket, codec }),
    ready: () => client.send(new sdk.HeadBucketCommand({ Bucket: bucket })),
    close: () => client.destroy(),
  };
}
