/**
 * The R2 adapter: entries and leases as objects of a Cloudflare R2 bucket, through a Worker's binding or, from anywhere
 * else, through an AWS SDK client of R2's S3 API.
 *
 * A key is one object, with its entry or its lease. Every write that must not happen twice is conditional, so fills are
 * fenced. There is no push: followers poll. R2 takes one write a second for an object. A fill or a release that comes
 * sooner waits until the second has passed.
 *
 * A lease expires for a process that has seen it unchanged for its length, or by R2's dates. A binding gives the date
 * of an object, but not the time of R2's clock. The Worker's clock, which is Cloudflare's own, gives the age. R2's S3
 * API sends the time with every answer, in whole seconds.
 *
 * In a bundle for a Worker, from npm, this module has only the binding, without the AWS SDK.
 *
 * Only three things remove the object of an expired entry: the next fetch of its key, `delete`, or a lifecycle rule of
 * the bucket. Such a rule must keep leases: a day is enough.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import type { R2Bucket } from "cache-locking/r2";
 *
 * export default {
 *   async fetch(_request: Request, env: { readonly BUCKET: R2Bucket }): Promise<Response> {
 *     const adapter = { type: "r2", options: { bucket: env.BUCKET } } as const;
 *     const cache = Cache.make({ adapter, cacheTtl: "1 hour" });
 *     const report = cache.getOrSet("report", () => Effect.succeed({ total: 42 }));
 *     return Response.json((await Effect.runPromise(report)).value);
 *   },
 * };
 * ```
 *
 * @module
 */
import { type Bucket, bucketObjects, patient } from "./kit/bucket_objects.ts";
import type { Codec } from "../src/store/codec.ts";
import { commandObjects } from "./kit/command_objects.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { makeObjectStore } from "./kit/object_store.ts";
import type { SmithyClient } from "./kit/smithy.ts";
import type { Store } from "../src/store/store.ts";

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

/**
 * Makes a store. Keep it in a constant: only callers of the same store share a flight. Throws a `TypeError` for bad
 * options.
 */
export function r2Adapter<V = unknown>(options: R2AdapterOptions): Store<V> {
  const { client, bucket, keyPrefix, codec } = options;
  const objects = client === undefined
    ? bucketObjects(bucket)
    : patient(commandObjects({ client, bucket, conditional: "known" }));
  return makeObjectStore({ name: "r2", objects, keyPrefix, codec }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half
 * share a flight. Throws a `TypeError` for bad options.
 */
export function r2Leases(options: R2LeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(r2Adapter({ ...options, keyPrefix }));
}
