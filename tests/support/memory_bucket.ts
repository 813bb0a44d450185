import type { R2Bucket } from "../../adapters/r2.ts";
import { type Held, memoryObjects } from "./memory_objects.ts";

/** A bucket as a Worker's binding has it, in this process. */
export interface MemoryBucket {
  readonly bucket: R2Bucket;
  readonly asked: string[];
  readonly held: Held;
}

/** Makes a bucket, of its own or of what another holds; `before` may throw. */
export function memoryBucket(
  before: (request: "get" | "put" | "delete") => void = () => {},
  held: Held = new Map(),
): MemoryBucket {
  const objects = memoryObjects(Date.now, { resolution: 1, held })
    .reach((request) => void before(request));
  const { signal } = new AbortController();
  const bucket: R2Bucket = {
    async get(key) {
      const object = await objects.get(key, signal);
      if (object === undefined) return null;
      const { body, etag, written } = object;
      const bytes = body.slice().buffer;
      return { etag, uploaded: new Date(written), arrayBuffer: () => Promise.resolve(bytes) };
    },
    async put(key, body, { onlyIf: { etagMatches, etagDoesNotMatch } = {} } = {}) {
      const over = etagDoesNotMatch === "*" ? null : etagMatches;
      const etag = await objects.put(key, body, { over, signal });
      return etag === undefined ? null : { etag };
    },
    delete: async (key) => void await objects.delete(key, signal),
  };
  return { bucket, asked: objects.asked, held };
}
