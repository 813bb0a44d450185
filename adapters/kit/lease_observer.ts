/**
 * What one process has seen of the leases of a backend that has no clock to ask: a lease is over for those who have seen
 * one version of it stay unchanged for as long as it lives.
 */
export interface Sightings {
  /**
   * Notes that a key's lease has been seen in this version at `now`, monotonic milliseconds, and says how much longer it
   * must stay unchanged.
   */
  remaining(key: string, seen: Seen, now: number): number;
  /** The version that has stayed unchanged for as long as its lease lives, if one was seen to. */
  over(key: string, now: number): string | undefined;
  /** Whether another version than this has been seen since it was asked for, so that it may be the older one of the two. */
  overtaken(key: string, version: string, asked: number): boolean;
  /** Forgets the key. */
  forget(key: string): void;
}

/** A lease as it was seen. */
export interface Seen {
  /** What changes whenever the lease is taken or renewed, and never comes back. */
  readonly version: string;
  /** How long the lease lives, in milliseconds. */
  readonly ttl: number;
}

/** How many keys are remembered at most. Of one that is forgotten the lease has to be watched anew. */
const MOST = 10_000;

/** Makes the memory of one store. */
export function makeSightings(): Sightings {
  const sightings = new Map<string, Seen & { readonly since: number }>();
  const left = ({ ttl, since }: Seen & { readonly since: number }, now: number) =>
    ttl - (now - since);
  return {
    remaining(key, seen, now) {
      const known = sightings.get(key);
      if (known?.version === seen.version) return left(known, now);
      sightings.delete(key);
      if (sightings.size >= MOST) sightings.delete(sightings.keys().next().value!);
      sightings.set(key, { ...seen, since: now });
      return seen.ttl;
    },
    over(key, now) {
      const known = sightings.get(key);
      return known !== undefined && left(known, now) <= 0 ? known.version : undefined;
    },
    overtaken(key, version, asked) {
      const sighting = sightings.get(key);
      return sighting !== undefined && sighting.version !== version && sighting.since > asked;
    },
    forget: (key) => void sightings.delete(key),
  };
}
