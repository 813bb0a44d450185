import { r2Adapter } from "../../../adapters/r2.ts";
import { bucket, clientOf, loadSdk } from "../s3/clients.ts";
import type { Connection, Place } from "../../support/connection.ts";

/** Opens a client of an S3 server, as if it were R2. */
export async function connect({ url, codec }: Place): Promise<Connection> {
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  return {
    store: r2Adapter({ client, bucket, codec }),
    ready: () => client.send(new sdk.HeadBucketCommand({ Bucket: bucket })),
    close: () => client.destroy(),
  };
}
