import { s3Adapter } from "../../../adapters/s3.ts";
import { bucket, clientOf, loadSdk } from "../s3_clients.ts";
import { skewClock } from "../skewed_clock.ts";
import type { Connection, Place } from "./connection.ts";

/** Opens a client of an S3 server; `skew`: by how much this process's clock is to be wrong. */
export async function connect({ url, codec, skew }: Place): Promise<Connection> {
  if (typeof skew === "number") skewClock(skew);
  const sdk = await loadSdk();
  const client = clientOf(sdk, url);
  return {
    store: s3Adapter({ client, bucket, codec }),
    ready: () => client.send(new sdk.HeadBucketCommand({ Bucket: bucket })),
    close: () => client.destroy(),
  };
}
