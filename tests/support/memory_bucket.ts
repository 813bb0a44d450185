import type { R2Bucket } from "../../adapters/r2.ts";
import { sha256 } from "../../adapters/kit/sha256.ts";

interface Held {
  readonly body: Uint8Array;
  uploaded: Date;
}

/** A bucket as a Worker's binding has it, in this process. */
export interface MemoryBucket {
  readonly bucket: R2Bucket;
  readonly asked: string[];
  readonly held: Map<string, Held>;
}

/** Makes a bucket, of its own or of what another holds; `before` may throw. */
export function memoryBucket(
  before: (request: "get" | "put" | "delete") => void = () => {},
  held: Map<string, Held> = new Map(),
): MemoryBucket {
  const asked: string[] = [];
  const answer = async <A>(request: "get" | "put" | "delete", act: () => A): Promise<A> => {
    asked.push(request);
    before(request);
    await Promise.resolve();
    return act();
  };
  const etagOf = (object: Held | undefined) => object && sha256(String(object.body));
  const bucket: R2Bucket = {
    get: (key) =>
      answer("get", () => {
        const object = held.get(key);
        if (object === undefined) return null;
        const { body, uploaded } = object;
        const bytes = body.slice().buffer;
        return { etag: etagOf(object)!, uploaded, arrayBuffer: () => Promise.resolve(bytes) };
      }),
    put: (key, body, { onlyIf: { etagMatches, etagDoesNotMatch } = {} } = {}) =>
      answer("put", () => {
        const there = etagOf(held.get(key));
        if (etagMatches !== undefined && etagMatches !== there) return null;
        if (etagDoesNotMatch === "*" && there !== undefined) return null;
        const object = { body, uploaded: new Date() };
        held.set(key, object);
        return { etag: etagOf(object)! };
      }),
    delete: (key) => answer("delete", () => void held.delete(key)),
  };
  return { bucket, asked, held };
}
