import { FAILURES_REMEMBERED } from "../../src/model/defaults.ts";
import type {
  AcquireOptions,
  Ended,
  Entry,
  Failed,
  Failure,
  Follower,
  Leader,
  LeaseOutcome,
} from "../../src/store/store.ts";

interface MemoryLease {
  readonly owner: string;
  /** By the monotonic clock, in milliseconds; for one that has ended, for how long that is remembered. */
  until: number;
  /** Whether anybody waits for it, so that its end has to be remembered. */
  followed: boolean;
  ended?: LeaseOutcome;
  /** How many fetches have failed in a row, and until when nobody is to fetch again, by the monotonic clock. */
  failures: number;
  quietUntil: number;
  /** What the last failure tells. */
  payload?: string | undefined;
  /** The lease before it, as far as it is remembered. */
  readonly before?: MemoryLease | undefined;
}

/** Who asks for a lease, and when, in milliseconds of the monotonic clock. */
interface Asking extends AcquireOptions {
  readonly owner: string;
  readonly ttl: number;
  readonly now: number;
  /** What there is, and is no hit. */
  readonly entry: Entry<unknown> | undefined;
}

/** How a lease ends without a fill, and when, in milliseconds of the monotonic clock. */
interface Ending {
  readonly owner: string;
  readonly outcome: LeaseOutcome;
  readonly failure: Failure | undefined;
  readonly now: number;
}

/** The leases of this process. */
export interface Leases {
  /** Takes the lease of a key whose entry is no hit, if it is free. */
  acquire<V>(
    key: string,
    asking: Asking & { readonly entry: Entry<V> | undefined },
  ): Leader<V> | Follower<V> | Ended | Failed<V>;
  /** Lets the owner's lease live `ttl` from now; false if it is lost. */
  renew(key: string, owner: string, ttl: number, now: number): boolean;
  /** Ends the owner's lease for good; false if it is lost. */
  end(key: string, owner: string, now: number): boolean;
  /** Ends the owner's lease; false if it is lost. How it ended is remembered where somebody waits for it, or is not to fetch. */
  release(key: string, ending: Ending): boolean;
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
    acquire(key, { owner, ttl, waitedFor, backOff, now, entry }) {
      forgetSome(now);
      const known = leases.get(key);
      const last = known !== undefined && known.until > now ? known : undefined;
      const live = last?.ended === undefined ? last : undefined;
      const ended = live === undefined ? last : live.before;
      const outcome = ended !== undefined && ended.owner === waitedFor ? ended.ended : undefined;
      const after = outcome === "failed" ? outcome : undefined;
      const failures = last?.failures ?? 0;

      if (live?.owner === owner) {
        return { _tag: "Leader", remaining: live.until - now, after, entry, failures };
      }
      if (outcome === "uncached") return { _tag: "Ended", outcome };
      if (live !== undefined) {
        live.followed = true;
        return { _tag: "Follower", remaining: live.until - now, lease: live.owner, after, entry };
      }
      const quietFor = (last?.quietUntil ?? 0) - now;
      if (backOff && quietFor > 0) {
        return { _tag: "Failed", remaining: quietFor, failures, payload: last?.payload, entry };
      }
      const before = last && { ...last, before: undefined };
      leases.set(key, {
        owner,
        until: now + ttl,
        followed: false,
        failures,
        quietUntil: 0,
        before,
      });
      return { _tag: "Leader", remaining: ttl, after, entry, failures };
    },
    renew(key, owner, ttl, now) {
      const lease = held(key, owner, now);
      if (lease === undefined) return false;
      lease.until = now + ttl;
      return true;
    },
    end: (key, owner, now) => held(key, owner, now) !== undefined && leases.delete(key),
    release(key, { owner, outcome, failure, now }) {
      const lease = held(key, owner, now);
      if (lease === undefined) return false;
      if (failure !== undefined) {
        lease.failures = failure.failures;
        lease.payload = failure.payload;
        lease.quietUntil = now + failure.quietFor;
        lease.until = Math.max(lease.until, lease.quietUntil + FAILURES_REMEMBERED);
      } else if (outcome === "uncached") lease.failures = 0;
      // A lease that was cancelled is as if it hadn't been, but for what it has inherited.
      if ((lease.followed || lease.failures > 0) && outcome !== "cancelled") lease.ended = outcome;
      else if (lease.failures > 0) lease.ended = "cancelled";
      else leases.delete(key);
      return true;
    },
    revoke: (key) => void leases.delete(key),
  };
}
