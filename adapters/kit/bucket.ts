/** A bucket that a host hands to its programs. */
export interface Bucket {
  /** Reads an object. */
  get(key: string): Promise<BucketObject | null>;
  /** Writes an object; null if the condition doesn't hold. */
  put(
    key: string,
    value: Uint8Array,
    options?: {
      readonly onlyIf?: { readonly etagMatches?: string; readonly etagDoesNotMatch?: string };
    },
  ): Promise<{ readonly etag: string } | null>;
  /** Removes an object. */
  delete(key: string): Promise<void>;
}

/** An object, as it was read. */
export interface BucketObject {
  /** Names this version of the object. */
  readonly etag: string;
  /** When it was written. */
  readonly uploaded: Date;
  /** Its bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
}
