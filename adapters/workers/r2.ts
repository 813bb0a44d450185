/**
 * The R2 adapter as Cloudflare Workers bundle it: over the binding alone, with nothing of the AWS SDK.
 *
 * @module
 */
import type { R2AdapterOptions, R2LeasesOptions } from "../r2.ts";
import { bucketObjects } from "../kit/bucket_objects.ts";
import type { LeasesHalf } from "../../src/store/halves.ts";
import { leasesHalf } from "../../src/store/leases_half.ts";
import { checkNames } from "../../src/model/option_names.ts";
import { makeObjectStore } from "../kit/object_store.ts";
import type { Store } from "../../src/store/store.ts";
import type { Bucket } from "../kit/bucket.ts";

/** As `r2Adapter` of the adapter's own module. */
export function r2Adapter<V = unknown>(options: R2AdapterOptions): Store<V> {
  checkNames(options, "bucket", "client", "keyPrefix", "codec");
  const { bucket, keyPrefix, codec } = options;
  const objects = bucketObjects(bucket as Bucket);
  return makeObjectStore({ name: "r2", objects, keyPrefix, codec }) as Store<V>;
}

/** As `r2Leases` of the adapter's own module. */
export function r2Leases(options: R2LeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(r2Adapter({ ...options, keyPrefix }));
}
