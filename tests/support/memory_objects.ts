import type { Objects } from "../../adapters/kit/objects.ts";
import { sha256 } from "../../adapters/kit/sha256.ts";

/** What a bucket holds, by name. */
export type Held = Map<string, { readonly body: Uint8Array; written: number }>;

/** A bucket in this process. */
export interface MemoryObjects {
  /** The bucket as one process reaches it. */
  readonly reach: (meddle?: Meddle) => Objects & { readonly asked: string[] };
  readonly held: Held;
}

/** What happens to a request: it is refused as the loser of a conflict, or its answer is lost, or its condition is ignored. */
export type Meddle = (
  request: "get" | "put" | "delete",
  over: string | null | undefined,
) => "conflict" | "lost" | "ignored" | undefined;

/**
 * Makes a bucket, of its own or of what another holds, whose ETags are nothing but hashes of the bytes. Its clock has
 * whole seconds, or another resolution in milliseconds.
 */
export function memoryObjects(
  now: () => number,
  { resolution = 1000, held = new Map() }: { resolution?: number; held?: Held } = {},
): MemoryObjects {
  const etagOf = (body: Uint8Array | undefined) => body && sha256(String(body));

  const reach = (meddle: Meddle = () => undefined) => {
    const asked: string[] = [];
    const answer = async <A>(
      request: "get" | "put" | "delete",
      over: string | null | undefined,
      act: (ignored: boolean) => A,
    ): Promise<A | undefined> => {
      asked.push(request);
      const how = meddle(request, over);
      await Promise.resolve();
      if (how === "conflict") return undefined;
      const answer = act(how === "ignored");
      if (how === "lost") throw new Error("connection lost");
      return answer;
    };
    const objects: Objects & { readonly asked: string[] } = {
      asked,
      now,
      resolution,
      conditional: "unproven",
      get: (name) =>
        answer("get", undefined, () => {
          const object = held.get(name);
          if (object === undefined) return undefined;
          const written = Math.floor(object.written / resolution) * resolution;
          return { body: object.body, etag: etagOf(object.body)!, written };
        }),
      put: (name, body, { over }) =>
        answer("put", over, (ignored) => {
          const there = etagOf(held.get(name)?.body) ?? null;
          if (over !== undefined && over !== there && !ignored) return undefined;
          held.set(name, { body, written: now() });
          return etagOf(body);
        }),
      delete: (name) => answer("delete", undefined, () => held.delete(name)),
    };
    return objects;
  };
  return { reach, held };
}
