import type { Entry, Lifetime } from "./store.ts";

/** A bound of what entries weigh together. */
export interface Weight<V, About = unknown> {
  readonly maxBytes: number;
  readonly sizeOf: (value: V, about: About) => number;
  /** Is told of each key whose entry goes. */
  readonly removed?: ((key: string) => void) | undefined;
}

/** Entries of this process, at most so many. `About` is what else is kept of each. */
export interface Entries<V, About = undefined> {
  /** The entry that is fresh at `now`, in epoch milliseconds; `aged`, with for how much longer. */
  readonly peek: (key: string, now: number, aged?: boolean) => Entry<V> | undefined;
  /** What else is kept of an entry that is there. */
  readonly about: (key: string) => About | undefined;
  /** The entry that is there at `now`, fresh or stale, with its age. */
  readonly get: (key: string, now: number) => Entry<V> | undefined;
  /** Stores a value from `now` on. */
  readonly set: (
    key: string,
    value: V,
    lifetime: Lifetime,
    now: number,
    ...about: [About] extends [undefined] ? [] : [About]
  ) => void;
  /** Makes a fresh entry stale from `now` on. */
  readonly expire: (key: string, now: number) => void;
  /** Removes the entry. */
  readonly delete: (key: string) => void;
}

/**
 * Makes entries that are evicted by SIEVE (Zhang et al., NSDI'24): a hand goes from the oldest to the newest, spares those
 * that were read since it last passed, and evicts the first that was not.
 *
 * What has expired is removed a little with each write, whether it is read or not.
 *
 * An entry is a slot in three arrays, and its key's place in a map, which holds the keys in the order in which they came.
 * An object for each entry would take half as much memory again.
 */
export function makeEntries<V, About = undefined>(
  maxEntries: number,
  weight?: Weight<V, About>,
): Entries<V, About> {
  const slots = new Map<string, number>();
  const values: (V | undefined)[] = [];
  /** When each stops being fresh: epoch milliseconds. */
  let expiries = new Float64Array(16);
  /** For how long each is kept then, in milliseconds, and how long its fetch took; only where somebody has said so. */
  const staleFors: number[] = [];
  const tooks: (number | undefined)[] = [];
  const abouts: (About | undefined)[] = [];
  /** Whether each was read since the hand passed. */
  let visited = new Uint8Array(16);
  /** The slots of entries that were removed. */
  const free: number[] = [];
  // A Map's iterator sees what is appended behind it, and is not disturbed by deletions. One that stands still keeps each
  // table that the map has outgrown, so it begins when it is needed.
  let hand: MapIterator<[string, number]> | undefined;
  let newest: string | undefined;

  /** What each weighs, and all together, in bytes. */
  const sizes: number[] = [];
  let bytes = 0;
  const weigh = ({ maxBytes, sizeOf }: Weight<V, About>, value: V, about: About) => {
    try {
      const size = sizeOf(value, about);
      return size >= 0 && size <= maxBytes ? size : undefined;
    } catch {
      return undefined;
    }
  };

  const remove = (key: string, slot: number) => {
    slots.delete(key);
    bytes -= sizes[slot] ?? 0;
    values[slot] = undefined;
    if (slot < tooks.length) tooks[slot] = undefined;
    if (slot < abouts.length) abouts[slot] = undefined;
    free.push(slot);
    weight?.removed?.(key);
  };
  const endOf = (slot: number) => expiries[slot]! + (staleFors[slot] ?? 0);

  const evictOne = (now: number) => {
    for (;;) {
      const { done, value } = (hand ??= slots.entries()).next();
      if (done) {
        hand = undefined;
        continue;
      }
      const [key, slot] = value;
      if (visited[slot] === 1 && endOf(slot) > now) {
        visited[slot] = 0;
        continue;
      }
      remove(key, slot);
      // Else the hand would stay with the newcomers, and the old would stay for ever.
      if (key === newest) hand = undefined;
      return;
    }
  };

  // Each write looks at the next two entries; an iterator that is kept doesn't step over what was deleted before it.
  let sweep = slots.entries();
  const forgetSome = (now: number) => {
    for (let looks = 0; looks < 2; looks++) {
      const { done, value } = sweep.next();
      if (done) {
        sweep = slots.entries();
        return;
      }
      const [key, slot] = value;
      if (endOf(slot) <= now) remove(key, slot);
    }
  };

  const entryIn = (slot: number, now: number): Entry<V> => {
    const until = expiries[slot]!;
    const value = values[slot] as V;
    const took = tooks[slot];
    if (until === Infinity && took === undefined) return { value };
    return { value, freshFor: until === Infinity ? undefined : until - now, took };
  };

  const newSlot = () => {
    const slot = free.pop() ?? values.length;
    if (slot === expiries.length) {
      const size = Math.min(2 * slot, maxEntries);
      const larger = new Float64Array(size);
      larger.set(expiries);
      expiries = larger;
      const more = new Uint8Array(size);
      more.set(visited);
      visited = more;
    }
    return slot;
  };

  return {
    peek: (key, now, aged) => {
      const slot = slots.get(key);
      if (slot === undefined || expiries[slot]! <= now) return undefined;
      visited[slot] = 1;
      return aged ? entryIn(slot, now) : { value: values[slot] as V };
    },
    about: (key) => abouts[slots.get(key) ?? -1],
    get: (key, now) => {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      if (endOf(slot) <= now) {
        remove(key, slot);
        return undefined;
      }
      visited[slot] = 1;
      return entryIn(slot, now);
    },
    expire: (key, now) => {
      const slot = slots.get(key);
      if (slot === undefined || expiries[slot]! <= now) return;
      if (staleFors[slot]) expiries[slot] = now;
      else remove(key, slot);
    },
    set: (key, value, { freshFor = Infinity, staleFor = 0, took }, now, about?: About) => {
      forgetSome(now);
      let slot = slots.get(key);
      let size = 0;
      if (weight !== undefined) {
        if (slot !== undefined) remove(key, slot);
        slot = undefined;
        const weighed = weigh(weight, value, about!);
        if (weighed === undefined) return;
        size = weighed;
        while (slots.size > 0 && bytes + size > weight.maxBytes) evictOne(now);
      }
      if (slot !== undefined) {
        visited[slot] = 1;
      } else {
        if (slots.size >= maxEntries) evictOne(now);
        slots.set(key, slot = newSlot());
        newest = key;
        visited[slot] = 0;
      }
      if (weight !== undefined) {
        sizes[slot] = size;
        bytes += size;
      }
      values[slot] = value;
      expiries[slot] = now + freshFor;
      // Without a hole, or the array becomes a table.
      if (staleFor > 0 || slot < staleFors.length) setAt(staleFors, slot, staleFor, 0);
      if (took !== undefined || slot < tooks.length) setAt(tooks, slot, took, undefined);
      if (about !== undefined) setAt(abouts, slot, about, undefined);
    },
    delete: (key) => {
      const slot = slots.get(key);
      if (slot !== undefined) remove(key, slot);
    },
  };
}

/** Sets an element, with another in place of those that are missing before it. */
function setAt<A>(array: A[], index: number, value: A, missing: A): void {
  while (array.length < index) array.push(missing);
  array[index] = value;
}
