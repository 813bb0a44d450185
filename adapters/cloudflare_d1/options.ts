import type { Codec } from "../../src/store/codec.ts";
import type { D1Database } from "../kit/d1_database.ts";

/** The options of {@linkcode cloudflareD1Leases}. */
export interface CloudflareD1LeasesOptions {
  /** The binding. */
  readonly db: D1Database;
  /** The table; `'cache_locking'` by default. Two adapters with the same table have the same entries and leases. */
  readonly table?: string | undefined;
  /** Whether the adapter creates a missing table; true by default. With false, the error holds the statements. */
  readonly createTable?: boolean | undefined;
  /** The prefix of keys in the table; none by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode cloudflareD1Adapter}. */
export interface CloudflareD1AdapterOptions extends CloudflareD1LeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
