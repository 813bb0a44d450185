/**
 * The S3 adapter: entries and leases as objects of a bucket, in Amazon S3 or any server of its API that heeds the
 * conditions of writes, through an AWS SDK client.
 *
 * A key is one object, which holds its entry or its lease: one line that says what it is, and for an entry the value as the
 * codec has it. Every write that must not be made twice is conditional, with `If-None-Match: *` or `If-Match`, so that
 * fills are fenced. Before a client's first lease counts, two writes that must be refused are sent; a server that makes
 * them is refused itself. Who uses the client needs the permissions `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and
 * `s3:ListBucket`, without which S3 doesn't say that an object isn't there.
 *
 * There is no push: followers poll. A lease is over for those who have seen it stay unchanged for as long as it lives, or
 * if the server's clock says that it was written longer ago. How old an entry is, the server tells, in whole seconds, so
 * that one may live a second too long or too short where this machine's clock and the server's differ.
 *
 * Names of objects are the keys, with all but letters, digits and `-_.:` as `!` and hexadecimal digits; long ones end with
 * a hash. Nothing removes an object whose entry has expired but the next fetch of its key, `delete`, or a lifecycle rule of
 * the bucket, which must leave leases the time that they need: a day is enough.
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
import type { Codec } from "../src/store/codec.ts";
import { commandObjects } from "./kit/command_objects.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { makeObjectStore } from "./kit/object_store.ts";
import { checkOption, hasMethods } from "./kit/options.ts";
import type { Store } from "../src/store/store.ts";

/** The client, as [`@aws-sdk/client-s3`](https://github.com/aws/aws-sdk-js-v3) makes it. The adapter never closes it. */
export interface S3Client {
  /** Sends a command; the adapter sends `GetObject`, `PutObject` and `DeleteObject`. */
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/** The options of {@linkcode s3Leases}. */
export interface S3LeasesOptions {
  /** The client, which stays the user's own to destroy. */
  readonly client: S3Client;
  /** The bucket's name. */
  readonly bucket: string;
  /** What the names of objects begin with. Nothing by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode s3Adapter}. */
export interface S3AdapterOptions extends S3LeasesOptions {
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes a store of its own. Keep it in a constant, as a store is what callers meet by. Throws a `TypeError` for options
 * that can't be used.
 */
export function s3Adapter<V = unknown>(options: S3AdapterOptions): Store<V> {
  return makeStore(options) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Keep it in a constant, as callers meet by it. Throws
 * a `TypeError` for options that can't be used.
 */
export function s3Leases(options: S3LeasesOptions): LeasesHalf {
  const { keyPrefix = "lease:" } = options;
  return leasesHalf(makeStore({ ...options, keyPrefix }));
}

function makeStore({ client, bucket, keyPrefix, codec }: S3AdapterOptions): Store<unknown> {
  checkOption("client", hasMethods(client, "send"), "an S3 client", client);
  const isName = typeof bucket === "string" && bucket !== "";
  checkOption("bucket", isName, "the name of a bucket", bucket);
  return makeObjectStore({
    name: "s3",
    objects: commandObjects({ client, bucket, conditional: "unproven" }),
    keyPrefix,
    codec,
  });
}
