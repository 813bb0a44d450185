/**
 * The R2 adapter: entries and leases as objects of a Cloudflare R2 bucket, through a Worker's binding or, from anywhere
 * else, through an AWS SDK client of R2's S3 API.
 *
 * A key is one object, with its entry, its lease, or both: each write of a lease beside a stale entry writes the entry
 * again. Every write that must not happen twice is conditional, so fills are
 * fenced. There is no push: followers poll. R2 takes one write a second for an object. A fill or a release that comes
 * sooner waits until the second has passed.
 *
 * A lease expires for a process that has seen it unchanged for its length, or by R2's dates. A binding gives the date
 * of an object, but not the time of R2's clock. The Worker's clock, which is Cloudflare's own, gives the age. R2's S3
 * API sends the time with every answer, in whole seconds. An `expire` reads the object and writes it again, unless it has
 * changed; one without a stale time is deleted, whatever is there by then.
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
import { bucketObjects, patient } from "./kit/bucket_objects.ts";
import { commandObjects } from "./kit/command_objects.ts";
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { makeObjectStore } from "./kit/object_store.ts";
import type { Store } from "../src/store/store.ts";
import type { R2AdapterOptions, R2LeasesOptions } from "./r2/options.ts";

export type {
  R2AdapterOptions,
  R2Bucket,
  R2Client,
  R2LeasesOptions,
  R2Place,
} from "./r2/options.ts";

/**
 * Makes a store. Keep it in a constant: only callers of the same store share a flight. Throws a `TypeError` for bad
 * options.
 */
export function r2Adapter<V = unknown>(options: R2AdapterOptions): Store<V> {
  checkNames(options, "client", "bucket", "keyPrefix", "codec");
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
