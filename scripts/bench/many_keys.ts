import type { PromiseCache } from "../../promise.ts";
import type { Peer, Source } from "./peer.ts";

/** This library, many keys at once, all of them fetched together. */
export function fetchingTogether(cache: PromiseCache, source: Source, close: () => unknown): Peer {
  const fetchAll = async ({ keys }: { readonly keys: readonly string[] }) => {
    const values = await Promise.all(keys.map(source));
    return new Map(keys.map((key, index) => [key, values[index]]));
  };
  return {
    name: "cache-locking, many keys",
    promise: (key) => cache.getOrSet(key, () => source(key)),
    many: (keys) => cache.getOrSetAll(keys, fetchAll, { maxBatch: 1_000 }),
    close,
  };
}

/** What a driver asks for many keys, with nothing around it. */
interface ManyBare {
  readonly name: string;
  /** Reads what there is, in the order of the keys. */
  readonly get: (keys: readonly string[]) => Promise<readonly (string | null | undefined)[]>;
  /** Stores what there was not. */
  readonly set: (entries: { key: string; value: string }[]) => PromiseLike<unknown>;
  readonly close: () => unknown;
}

/** The least that many keys can cost: one read with `JSON.parse`, and one write of what there isn't. */
export function readManyThrough(source: Source, { name, get, set, close }: ManyBare): Peer {
  const many = async (keys: readonly string[]) => {
    const found = await get(keys);
    const values = await Promise.all(
      keys.map((key, index) => found[index] == null ? source(key) : JSON.parse(found[index])),
    );
    const missing: { key: string; value: string }[] = [];
    for (const [index, key] of keys.entries()) {
      if (found[index] == null) missing.push({ key, value: JSON.stringify(values[index]) });
    }
    if (missing.length > 0) await set(missing);
    return values;
  };
  return { name, promise: (key) => many([key]), many, close };
}
