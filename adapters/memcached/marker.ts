import type { LeaseOutcome } from "../../src/store/store.ts";
import type { MemcachedAnswer, MemcachedBody } from "./client.ts";

/** What stands for a lease, or for one that has ended: then it has no owner. */
export interface Marker {
  readonly owner?: string | undefined;
  /** How long the lease lives, in milliseconds. */
  readonly ttl: number;
  /** The owner of the last lease that ended failed or uncached, and how. */
  readonly last?: string | undefined;
  readonly how?: Exclude<LeaseOutcome, "cancelled"> | undefined;
}

/** What tells a marker from an entry, whose flags are 0. */
const MARKER = 0x1ea5ed;

/** A marker as an item has it. */
export function markerBody(marker: Marker): MemcachedBody {
  const seconds = Math.min(secondsOf(marker.ttl), MONTH);
  return { flags: MARKER, seconds, data: JSON.stringify(marker) };
}

/** The marker of an item; undefined for an entry. */
export function markerIn({ flags, value }: MemcachedAnswer): Marker | undefined {
  if (flags !== MARKER) return undefined;
  try {
    const marker = JSON.parse(decoder.decode(value));
    return marker?.ttl > 0 ? marker : undefined;
  } catch {
    return undefined;
  }
}

const MONTH = 30 * 24 * 60 * 60;

/**
 * A time to live in seconds, or the date of its end where that is more than
 * [30 days](https://docs.memcached.org/protocols/basic/) away. There is one second more, as the server's first may be
 * nearly over.
 */
export function secondsOf(ttl: number): number {
  const seconds = Math.ceil(ttl / 1000) + 1;
  return seconds <= MONTH ? seconds : Math.min(Math.ceil(Date.now() / 1000) + seconds, 2 ** 32 - 1);
}

const decoder = new TextDecoder();
