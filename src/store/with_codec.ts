import type { Codec } from "./codec.ts";
import type { Store } from "./store.ts";

/** How many codecs are kept at most for a store: those used last. */
const MOST_CODECS = 100;

const family = new WeakMap<Store<unknown>, Map<Codec, Store<unknown>>>();
const origins = new WeakMap<Store<unknown>, Store<unknown>>();

/** The same store with another codec, once for each codec; undefined for one that has no codecs. */
export function withCodec(store: Store<unknown>, codec: Codec): Store<unknown> | undefined {
  if (store.withCodec === undefined) return undefined;
  let known = family.get(store);
  if (known === undefined) family.set(store, known = new Map());
  const made = known.get(codec) ?? store.withCodec(codec);
  known.delete(codec);
  known.set(codec, made);
  if (known.size > MOST_CODECS) known.delete(known.keys().next().value!);
  origins.set(made, store);
  return made;
}

/** A store, and the same store with other codecs: what changes a key's entry in one changes it in all. */
export function relatives(store: Store<unknown>): readonly Store<unknown>[] {
  const origin = origins.get(store) ?? store;
  return [origin, ...family.get(origin)?.values() ?? []];
}
