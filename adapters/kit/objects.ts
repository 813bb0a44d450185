/** One object, as it was read. */
export interface StoredObject {
  readonly body: Uint8Array;
  /** Names this version: as long as it is the same, nobody has written. */
  readonly etag: string;
  /** When it was written, by the server's clock: epoch milliseconds, rounded down to `resolution`. */
  readonly written: number;
}

/** How an object is written. */
export interface PutOptions {
  /** The version that must be there, or null where there must be none; without it, whatever is there is overwritten. */
  readonly over?: string | null | undefined;
  /** Fires if the answer is no longer wanted. The write may be made anyway. */
  readonly signal: AbortSignal;
}

/** A bucket of objects whose writes can depend on what is there. */
export interface Objects {
  /** Reads an object; undefined if there is none. */
  get(name: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /**
   * Writes an object in one step, and answers its new version. Undefined if the condition didn't hold, or if somebody else
   * wrote at the same time: to look again is safe.
   */
  put(name: string, body: Uint8Array, options: PutOptions): Promise<string | undefined>;
  /** Removes an object, whatever it holds. */
  delete(name: string, signal: AbortSignal): Promise<unknown>;
  /** The server's time: epoch milliseconds. Once an object was read, it is right to within `resolution`. */
  now(): number;
  /** The unit of `written`, in milliseconds. */
  readonly resolution: number;
  /** Whether the server is known to obey the conditions of writes. */
  readonly conditional: "known" | "unproven";
}
