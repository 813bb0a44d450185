/** The options of {@linkcode memoryAdapter}. */
export interface MemoryAdapterOptions {
  /** The largest number of entries; 10,000 by default. */
  readonly maxEntries?: number | undefined;
}
