import type { Ended, Follower, Leader, LeaseOutcome } from "../../src/store/store.ts";

interface MemoryLease {
  readonly owner: string;
  /** By the monotonic clock, in milliseconds; for one that has ended, for how long that is remembered. */
  until: number;
  /** Whether anybody waits for it, so that its end has to be remembered. */
  followed: boolean;
  ended?: LeaseOutcome;
  /** The lease before it, as far as it is remembered. */
  readonly before?: MemoryLease | undefined;
}

/** Who asks for a lease, and when, in milliseconds of the monotonic clock. */
interface Asking {
  readonly owner: string;
  readonly ttl: number;
  readonly waitedFor: string | undefined;
  readonly now: number;
}

/** The leases of this process. */
export interface Leases {
  /** Takes the lease of a key that has no entry, if it is free. */
  acquire(key: string, asking: Asking): Leader | Follower | Ended;
  /** Lets the owner's lease live `ttl` from now; false if it is lost. */
  renew(key: string, owner: string, ttl: number, now: number): boolean;
  /** Ends the owner's lease for good; false if it is lost. */
  end(key: string, owner: string, now: number): boolean;
  /** Ends the owner's lease; false if it is lost. How it ended is remembered where somebody waits for it. */
  release(key: string, owner: string, outcome: LeaseOutcome, now: number): boolean;
  /** Ends the lease, whoever holds it. */
  revoke(key: string): void;
}

/** Makes the leases of one store. */
export function makeLeases(): Leases {
  const leases = new Map<string, MemoryLease>();

  // Each acquire looks at the next two leases; an iterator that is kept doesn't step over what was deleted before it.
  let sweep = leases.entries();
  const forgetSome = (now: number) => {
    for (let looks = 0; looks < 2 && leases.size > 0; looks++) {
      const { done, value } = sweep.next();
      if (done) sweep = leases.entries();
      else if (value[1].until <= now) leases.delete(value[0]);
    }
  };
  const held = (key: string, owner: string, now: number) => {
    const lease = leases.get(key);
    return lease?.owner === owner && lease.ended === undefined && lease.until > now
      ? lease
      : undefined;
  };

  return {
    acquire(key, { owner, ttl, waitedFor, now }) {
      forgetSome(now);
      const known = leases.get(key);
      const last = known !== undefined && known.until > now ? known : undefined;
      const live = last?.ended === undefined ? last : undefined;
      const ended = live === undefined ? last : live.before;
      const outcome = ended !== undefined && ended.owner === waitedFor ? ended.ended : undefined;
      const after = outcome === "failed" ? outcome : undefined;

      if (live?.owner === owner) return { _tag: "Leader", remaining: live.until - now, after };
      if (outcome === "uncached") return { _tag: "Ended", outcome };
      if (live !== undefined) {
        live.followed = true;
        return { _tag: "Follower", remaining: live.until - now, lease: live.owner, after };
      }
      const before = last && { ...last, before: undefined };
      leases.set(key, { owner, until: now + ttl, followed: false, before });
      return { _tag: "Leader", remaining: ttl, after };
    },
    renew(key, owner, ttl, now) {
      const lease = held(key, owner, now);
      if (lease === undefined) return false;
      lease.until = now + ttl;
      return true;
    },
    end: (key, owner, now) => held(key, owner, now) !== undefined && leases.delete(key),
    release(key, owner, outcome, now) {
      const lease = held(key, owner, now);
      if (lease === undefined) return false;
      if (lease.followed && outcome !== "cancelled") lease.ended = outcome;
      else leases.delete(key);
      return true;
    },
    revoke: (key) => void leases.delete(key),
  };
}
