/** The options of {@linkcode memoryAdapter}. */
export interface MemoryAdapterOptions {
  /** The largest number of entries; 10,000 by default. */
  readonly maxEntries?: number | undefined;
  /** What entries may weigh together, in bytes as `sizeOf` counts them; no bound by default. */
  readonly maxBytes?: number | undefined;
  /** What a value weighs, in bytes, for `maxBytes`. A value is not kept if it weighs more than that, or this throws. */
  readonly sizeOf?: ((value: unknown) => number) | undefined;
}
