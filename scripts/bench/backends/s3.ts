import { connect } from "../../../tests/adapters/s3/connection.ts";
import { bucket, clientOf, loadSdk } from "../../../tests/adapters/s3/clients.ts";
import type { BackendBench } from "../backend.ts";

/** S3, by a gateway over files. */
export const bench: BackendBench = {
  name: "s3",
  connect,
  hashes: true,
  async bare({ url }) {
    const sdk = await loadSdk();
    const client = clientOf(sdk, url);
    const read = async (key: string) => {
      const object = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }));
      return await object.Body!.transformToByteArray();
    };
    return { read, close: () => client.destroy() };
  },
};
