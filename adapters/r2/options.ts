import type { Codec } from "../../src/store/codec.ts";
import type { SmithyClient } from "../kit/smithy.ts";
import type { Bucket } from "../kit/bucket.ts";

/**
 * A bucket, as [a Worker's binding](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/) has it. It
 * is declared here, so that no version of `@cloudflare/workers-types` has to match.
 */
export type R2Bucket = Bucket;

/**
 * A client of R2's S3 API, as [`@aws-sdk/client-s3`](https://github.com/aws/aws-sdk-js-v3) makes it, for `GetObject`,
 * `PutObject` and `DeleteObject`.
 */
export type R2Client = SmithyClient;

/** The place of the objects: the binding, or a client and the bucket's name. */
export type R2Place =
  | { readonly bucket: R2Bucket; readonly client?: undefined }
  | { readonly bucket: string; readonly client: R2Client };

/** The options of {@linkcode r2Leases}. */
export type R2LeasesOptions = R2Place & {
  /** The prefix of the names of objects: none by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
};

/** The options of {@linkcode r2Adapter}. */
export type R2AdapterOptions = R2LeasesOptions & {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
};
