import type { Codec } from "./codec.ts";
import type { L1Settings, Store } from "./store.ts";

/** How many variants are kept at most of a store: those used last. */
const MOST_VARIANTS = 100;

const variants = new WeakMap<Store<unknown>, Map<unknown, Store<unknown>>>();
const origins = new WeakMap<Store<unknown>, Store<unknown>>();

/** The same store in another way, once for each `by`. */
function variant(
  store: Store<unknown>,
  by: unknown,
  make: () => Store<unknown>,
): Store<unknown> {
  let known = variants.get(store);
  if (known === undefined) variants.set(store, known = new Map());
  const made = known.get(by) ?? make();
  known.delete(by);
  known.set(by, made);
  if (known.size > MOST_VARIANTS) known.delete(known.keys().next().value!);
  origins.set(made, store);
  return made;
}

/** The same store with another codec; undefined for one that has no codecs. */
export function withCodec(store: Store<unknown>, codec: Codec): Store<unknown> | undefined {
  return store.withCodec && variant(store, codec, () => store.withCodec!(codec));
}

/** The same store with an L1, one for all who want the same of it; undefined for one that has none. */
export function withL1(store: Store<unknown>, l1: L1Settings): Store<unknown> | undefined {
  return store.withL1 && variant(store, JSON.stringify(l1), () => store.withL1!(l1));
}

/** The same store with the leases of another, one for all who want these. */
export function withLeases(
  store: Store<unknown>,
  leases: object,
  make: () => Store<unknown>,
): Store<unknown> {
  return variant(store, leases, make);
}

/**
 * A store, and the same store in other ways: what changes a key's entry in one changes it in all. The first is what all are
 * made of.
 */
export function relatives(store: Store<unknown>): readonly Store<unknown>[] {
  let origin = store;
  for (let next = origins.get(origin); next !== undefined; next = origins.get(origin)) {
    origin = next;
  }
  const all = family(origin);
  return all.includes(store) ? all : [...all, store];
}

function family(store: Store<unknown>): readonly Store<unknown>[] {
  const known = variants.get(store);
  return known === undefined ? [store] : [store, ...[...known.values()].flatMap(family)];
}
