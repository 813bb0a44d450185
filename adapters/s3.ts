/**
 * The S3 adapter: entries and leases as objects of a bucket, in Amazon S3 or a server with the same API that obeys the
 * conditions of writes, through an AWS SDK client.
 *
 * A key is one object, with its entry, its lease, or both: one line that tells which, and for an entry the value from the
 * codec. So each write of a lease beside a stale entry writes the entry again. Every write that must not happen twice is conditional, with `If-None-Match: *` or `If-Match`, so fills are
 * fenced. Before a client's first lease, the adapter sends two writes that the server must refuse, and 16 at once of
 * which it may make one. It fails on a server that does otherwise. If such a server passes by luck, two callers may lead,
 * but only one value is stored. The client needs the permissions `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and
 * `s3:ListBucket`. Without the last one, S3 doesn't say that an object is missing.
 *
 * There is no push: followers poll. A lease expires for a process that has seen it unchanged for its length, or by the
 * server's clock. The server gives the age of an entry in whole seconds. So if this machine's clock and the server's
 * differ, an entry may be fresh, and stale, a second too long or too short. An `expire` reads the object and writes it again,
 * unless it has changed; one without a stale time is deleted, whatever is there by then.
 *
 * The name of an object is the key. All characters but letters, digits and `-_.:` become `!` and hexadecimal digits. A
 * long name ends with a hash. `keyPrefix` is taken as it is; it must not begin with `/`, and have no `//`, `.` or `..` in
 * its path, since servers over folders take `/a/` for `a/`. Only three things remove the object of an expired entry: the next fetch of its key,
 * `delete`, or a lifecycle rule of the bucket. Such a rule must keep leases: a day is enough. A bucket with versions keeps
 * two of each miss, and a marker of each `delete`, until a lifecycle rule removes them.
 *
 * An object that is cut off on its way, or isn't what its checksum says, is read again, and so is one whose headers are of
 * another version than its body, as its time tells.
 *
 * @example
 * ```ts s3
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { S3Client } from "@aws-sdk/client-s3";
 * import { Effect } from "effect";
 * import { Cache } from "cache-locking";
 * import { s3Adapter } from "cache-locking/s3";
 *
 * const client = new S3Client({ endpoint: process.env.S3_URL!, forcePathStyle: true });
 * const reports = Cache.make({
 *   adapter: s3Adapter({ client, bucket: process.env.S3_BUCKET!, keyPrefix: "example/" }),
 *   cacheTtl: "1 hour",
 * });
 * const report = reports.getOrSet("report:42", () => Effect.succeed({ total: 42 }));
 *
 * const { value } = await Effect.runPromise(report);
 * assert.equal(value.total, 42);
 *
 * await Effect.runPromise(reports.delete("report:42"));
 * client.destroy();
 * ```
 *
 * @module
 */
import { commandObjects } from "./kit/command_objects.ts";
import { checkNames } from "../src/model/option_names.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { makeObjectStore } from "./kit/object_store.ts";
import type { Store } from "../src/store/store.ts";
import type { S3AdapterOptions, S3LeasesOptions } from "./s3/options.ts";

export type { S3AdapterOptions, S3Client, S3LeasesOptions } from "./s3/options.ts";

/**
 * Makes a store. Keep it in a constant: only callers of the same store share a flight. Throws a `TypeError` for bad
 * options.
 */
export function s3Adapter<V = unknown>(options: S3AdapterOptions): Store<V> {
  checkNames(options, "client", "bucket", "keyPrefix", "codec");
  const { client, bucket, keyPrefix, codec } = options;
  const objects = commandObjects({ client, bucket, conditional: "unproven" });
  return makeObjectStore({ name: "s3", objects, keyPrefix, codec }) as Store<V>;
}

/**
 * Makes a leases half, for entries in another backend. Keep it in a constant: only callers of the same leases half
 * share a flight. Throws a `TypeError` for bad options.
 */
export function s3Leases(options: S3LeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(s3Adapter({ ...options, keyPrefix }));
}
