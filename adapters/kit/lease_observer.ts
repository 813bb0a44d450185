import { remember } from "./own_leases.ts";

/**
 * What one process has observed of the leases of a backend that has no clock to ask: a lease has expired for a process that
 * has observed one version of it for as long as it lives.
 */
export interface LeaseObserver {
  /**
   * Notes that a key's lease was observed in this version at `now`, monotonic milliseconds, and says how much longer it
   * must stay unchanged.
   */
  remaining(key: string, observed: ObservedLease, now: number): number;
  /** The version that has stayed unchanged for as long as its lease lives, if one was observed for so long. */
  expired(key: string, now: number): string | undefined;
  /** Whether another version was observed since this one was asked for, which may therefore be the older of the two. */
  isOutdated(key: string, version: string, asked: number): boolean;
  /** Forgets the key. */
  forget(key: string): void;
}

/** A lease as it was observed. */
export interface ObservedLease {
  /** What changes whenever the lease is taken or renewed, and never comes back. */
  readonly version: string;
  /** How long the lease lives, in milliseconds. */
  readonly ttl: number;
}

interface Observation extends ObservedLease {
  readonly since: number;
}

/** Makes the memory of one store. */
export function makeLeaseObserver(): LeaseObserver {
  const observations = new Map<string, Observation>();
  const left = ({ ttl, since }: Observation, now: number) => ttl - (now - since);
  return {
    remaining(key, observed, now) {
      const known = observations.get(key);
      if (known?.version === observed.version) return left(known, now);
      remember(observations, key, { ...observed, since: now });
      return observed.ttl;
    },
    expired(key, now) {
      const known = observations.get(key);
      return known !== undefined && left(known, now) <= 0 ? known.version : undefined;
    },
    isOutdated(key, version, asked) {
      const known = observations.get(key);
      return known !== undefined && known.version !== version && known.since > asked;
    },
    forget: (key) => void observations.delete(key),
  };
}
