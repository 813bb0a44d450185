import { createRequire } from "node:module";
import { s3Adapter } from "../../../adapters/s3.ts";
import type { Connection } from "../../../tests/support/connection.ts";
import type { ClientPlace } from "../row.ts";

/** Opens a client of an S3 server, which gets the bucket `cache`. */
export function connect(
  { url, client: path, accessKey = "local", secretKey = accessKey, region = "us-east-1" }:
    ClientPlace,
): Connection {
  const { CreateBucketCommand, HeadBucketCommand, S3Client } = createRequire(import.meta.url)(
    path,
  ) as typeof import("@aws-sdk/client-s3");
  const client = new S3Client({
    endpoint: url,
    forcePathStyle: true,
    region: region as string,
    credentials: { accessKeyId: accessKey as string, secretAccessKey: secretKey as string },
  });
  const bucket = "cache";
  const made = { Bucket: bucket };
  const create = async () => {
    await client.send(new HeadBucketCommand(made))
      .catch(() => client.send(new CreateBucketCommand(made)));
  };
  return {
    store: s3Adapter({ client, bucket }),
    ready: create,
    close: () => client.destroy(),
  };
}
