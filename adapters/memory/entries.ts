import type { Entry } from "../../src/store/store.ts";

/** A bound of what entries weigh together. */
export interface Weight<V> {
  readonly maxBytes: number;
  readonly sizeOf: (value: V) => number;
}

/** Entries of this process, at most so many. */
export interface Entries<V> {
  /** The entry that is fresh at `now`, in epoch milliseconds. */
  readonly get: (key: string, now: number) => Entry<V> | undefined;
  /** Stores a value for `ttl` from `now` on, or without expiry. */
  readonly set: (key: string, value: V, ttl: number | undefined, now: number) => void;
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
export function makeEntries<V>(maxEntries: number, weight?: Weight<V>): Entries<V> {
  const slots = new Map<string, number>();
  const values: (V | undefined)[] = [];
  /** When each expires: epoch milliseconds. */
  let expiries = new Float64Array(16);
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
  const weigh = ({ maxBytes, sizeOf }: Weight<V>, value: V) => {
    try {
      const size = sizeOf(value);
      return size >= 0 && size <= maxBytes ? size : undefined;
    } catch {
      return undefined;
    }
  };

  const remove = (key: string, slot: number) => {
    slots.delete(key);
    bytes -= sizes[slot] ?? 0;
    values[slot] = undefined;
    free.push(slot);
  };

  const evictOne = (now: number) => {
    for (;;) {
      const { done, value } = (hand ??= slots.entries()).next();
      if (done) {
        hand = undefined;
        continue;
      }
      const [key, slot] = value;
      if (visited[slot] === 1 && expiries[slot]! > now) {
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
      if (expiries[slot]! <= now) remove(key, slot);
    }
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
    get: (key, now) => {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      if (expiries[slot]! <= now) {
        remove(key, slot);
        return undefined;
      }
      visited[slot] = 1;
      return { value: values[slot] as V };
    },
    set: (key, value, ttl, now) => {
      const expiresAt = ttl === undefined ? Infinity : now + ttl;
      forgetSome(now);
      let slot = slots.get(key);
      let size = 0;
      if (weight !== undefined) {
        if (slot !== undefined) remove(key, slot);
        slot = undefined;
        const weighed = weigh(weight, value);
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
      expiries[slot] = expiresAt;
    },
    delete: (key) => {
      const slot = slots.get(key);
      if (slot !== undefined) remove(key, slot);
    },
  };
}
