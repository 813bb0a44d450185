import type { Codec } from "../../src/store/codec.ts";
import type { SmithyClient } from "../kit/smithy.ts";

/**
 * The client, as [`@aws-sdk/client-s3`](https://github.com/aws/aws-sdk-js-v3) makes it, for `GetObject`, `PutObject` and
 * `DeleteObject`. The adapter never closes it.
 */
export type S3Client = SmithyClient;

/** The options of {@linkcode s3Leases}. */
export interface S3LeasesOptions {
  /** The client. Only the user destroys it. */
  readonly client: S3Client;
  /** The bucket's name. */
  readonly bucket: string;
  /** The prefix of the names of objects: none by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode s3Adapter}. */
export interface S3AdapterOptions extends S3LeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
