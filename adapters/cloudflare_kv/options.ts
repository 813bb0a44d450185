import type { Codec } from "../../src/store/codec.ts";
import type { D1Database } from "../kit/d1_database.ts";

/**
 * The methods that the adapter uses of a [KV binding](https://developers.cloudflare.com/kv/api/). It is declared here,
 * so that no version of Cloudflare's types has to match.
 */
export interface KvNamespace {
  /** [Reads a value and its metadata.](https://developers.cloudflare.com/kv/api/read-key-value-pairs/) */
  getWithMetadata(
    key: string,
    type: "arrayBuffer",
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>;
  /** [Writes a value.](https://developers.cloudflare.com/kv/api/write-key-value-pairs/) */
  put(
    key: string,
    value: string | Uint8Array,
    options: { expirationTtl?: number; metadata?: unknown },
  ): Promise<void>;
  /** [Deletes a value.](https://developers.cloudflare.com/kv/api/delete-key-value-pairs/) */
  delete(key: string): Promise<void>;
}

/** The options of {@linkcode cloudflareKvAdapter}. */
export interface CloudflareKvAdapterOptions {
  /** The binding of the namespace that keeps the entries. */
  readonly kv: KvNamespace;
  /** The binding of the D1 database that keeps the leases. */
  readonly leasesDb: D1Database;
  /** The table in it, `'cache_locking_kv'` by default, and whether the adapter creates it; true by default. */
  readonly leases?:
    | { readonly table?: string | undefined; readonly createTable?: boolean | undefined }
    | undefined;
  /** The prefix of keys in the namespace and in the table; none by default. */
  readonly keyPrefix?: string | undefined;
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
