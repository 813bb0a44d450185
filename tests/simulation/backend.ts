import type { Acquired, Entry, LeaseAnswer, LeaseOutcome } from "../../mod.ts";
import { FAILURES_REMEMBERED, GRACE } from "../../src/model/defaults.ts";
import {
  type AcquireOptions,
  type Failure,
  isFresh,
  type Lifetime,
} from "../../src/store/store.ts";
import type { HalvesTraits } from "./scenario.ts";
import { EPOCH } from "./world.ts";

/** A backend as src/store.ts has it: each method is one step, at the time of the backend's own clock. */
export interface Backend {
  /** Undefined for none; `'corrupt'` for one that can't be decoded. */
  readonly get: (key: string) => Entry<unknown> | "corrupt" | undefined;
  readonly set: (key: string, value: unknown, lifetime: Lifetime | undefined) => void;
  readonly expire: (key: string) => void;
  readonly delete: (key: string) => void;
  readonly acquire: (
    key: string,
    owner: string,
    ttl: number,
    options?: AcquireOptions,
  ) => Acquired<unknown>;
  readonly renew: (key: string, owner: string, ttl: number) => boolean;
  readonly fill: (
    key: string,
    owner: string,
    value: unknown,
    lifetime: Lifetime | undefined,
  ) => boolean;
  readonly release: (
    key: string,
    owner: string,
    outcome: LeaseOutcome,
    failure?: Failure,
  ) => void;
  /** Has the owner's lease say in which process it is there. */
  readonly announce: (key: string, owner: string, process: number) => void;
  /** Says that a process isn't there any more, or is again. */
  readonly gone: (process: number, isGone: boolean) => void;
  /** Tells of each change of the key, until what it returns is called. */
  readonly watch: (key: string, tell: () => void) => () => void;
  /** Loses the entry, or makes it unreadable. */
  readonly lose: (key: string, how: "corrupt" | "evict") => void;
  /** Leases of hand-written halves, which know nothing of entries. */
  readonly half: {
    readonly set: (key: string, value: unknown, ttl: number | undefined) => void;
    readonly delete: (key: string) => void;
    readonly acquire: (key: string, owner: string, ttl: number, waitedFor?: string) => LeaseAnswer;
    readonly release: (key: string, owner: string, outcome: LeaseOutcome | undefined) => void;
    readonly markReady: (key: string) => void;
    readonly isReady: (key: string) => boolean;
  };
  /** Which version of the lease there is, for those who only know that a version stayed the same; dead versions can be taken. */
  readonly version: (key: string) => number | undefined;
  readonly kill: (key: string, version: number) => void;
}

interface Lease {
  readonly owner: string;
  until: number;
  version: number;
  ended?: LeaseOutcome;
  /** How many fetches have failed in a row, and until when nobody is to fetch again. */
  failures: number;
  quietUntil: number;
  payload?: string | undefined;
  readonly before?: Lease | undefined;
  /** The process that its owner is known to be in, and since when it was found not to be there. */
  process?: number | undefined;
  missing?: number | undefined;
}

/** What it is made of. */
export interface BackendOptions {
  readonly now: () => number;
  /** Whether a lease ends with its time; otherwise only once somebody says that its version is dead. */
  readonly expires: boolean;
  readonly halves: HalvesTraits;
}

/** Makes one. */
export function makeBackend({ now, expires, halves }: BackendOptions): Backend {
  const entries = new Map<
    string,
    { value: unknown; until: number; staleFor: number; corrupt: boolean }
  >();
  const leases = new Map<string, Lease>();
  const watchers = new Map<string, Set<() => void>>();
  const ready = new Set<string>();
  const gone = new Set<number>();
  let versions = 0;

  const tell = (key: string) => {
    for (const each of [...watchers.get(key) ?? []]) each();
  };
  const alive = (lease: Lease | undefined) =>
    lease !== undefined && (!expires || lease.until > now()) ? lease : undefined;
  /** Looks whether the owner of a lease is there, if that can be told; false if it is dead. */
  const look = (lease: Lease) => {
    if (lease.process === undefined) return true;
    if (!gone.has(lease.process)) lease.missing = undefined;
    else lease.missing ??= now();
    return lease.missing === undefined || now() - lease.missing < GRACE;
  };
  const held = (key: string, owner: string) => {
    const lease = alive(leases.get(key));
    return lease?.owner === owner && lease.ended === undefined ? lease : undefined;
  };
  const get = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined || entry.until + entry.staleFor <= now()) return undefined;
    if (entry.corrupt) return "corrupt";
    const { value, until } = entry;
    return until === Infinity ? { value } : { value, freshFor: until - now() };
  };
  const store = (
    key: string,
    value: unknown,
    { freshFor = Infinity, staleFor = 0 }: Lifetime = {},
  ) => void entries.set(key, { value, until: now() + freshFor, staleFor, corrupt: false });
  const take = (
    key: string,
    owner: string,
    ttl: number,
    { waitedFor, backOff }: AcquireOptions,
  ) => {
    const known = alive(leases.get(key));
    const isDead = known !== undefined && known.ended === undefined && known.owner !== owner &&
      !look(known);
    // What ended before it is remembered.
    const last = isDead ? known.before : known;
    const live = last?.ended === undefined ? last : undefined;
    const ended = live === undefined ? last : live.before;
    const outcome = ended !== undefined && ended.owner === waitedFor ? ended.ended : undefined;
    const remaining = (live?.until ?? 0) - now();
    const after = outcome === "failed" ? outcome : undefined;
    const failures = last?.failures ?? 0;
    if (live?.owner === owner) return { role: "leader", remaining, after, failures } as const;
    if (outcome === "uncached") return { role: "ended" } as const;
    if (live !== undefined) {
      const watched = live.process !== undefined;
      return { role: "follower", remaining, lease: live.owner, after, watched } as const;
    }
    const quietFor = (last?.quietUntil ?? 0) - now();
    if (backOff && quietFor > 0) {
      return { role: "quiet", remaining: quietFor, failures, payload: last?.payload } as const;
    }
    const before = last && { ...last, before: undefined };
    leases.set(key, {
      owner,
      until: now() + ttl,
      version: ++versions,
      before,
      failures,
      quietUntil: 0,
    });
    return { role: "leader", remaining: ttl, after, failures } as const;
  };
  const end = (key: string, owner: string, outcome: LeaseOutcome, failure?: Failure) => {
    const lease = held(key, owner);
    if (lease === undefined) return;
    if (failure !== undefined) {
      lease.failures = failure.failures;
      lease.payload = failure.payload;
      lease.quietUntil = now() + failure.quietFor;
      lease.until = Math.max(lease.until, lease.quietUntil + FAILURES_REMEMBERED);
    } else if (outcome === "uncached") lease.failures = 0;
    if (outcome === "cancelled" && lease.failures === 0) leases.delete(key);
    else {
      lease.ended = outcome;
      lease.version = ++versions;
    }
    tell(key);
  };

  return {
    get,
    set: (key, value, lifetime) => {
      store(key, value, lifetime);
      leases.delete(key);
      tell(key);
    },
    expire: (key) => {
      const entry = entries.get(key);
      if (entry !== undefined && entry.until > now()) {
        if (entry.staleFor > 0) entry.until = now();
        else entries.delete(key);
      }
      leases.delete(key);
      tell(key);
    },
    delete: (key) => {
      entries.delete(key);
      leases.delete(key);
      tell(key);
    },
    acquire: (key, owner, ttl, options = {}) => {
      const found = get(key);
      const entry = found === "corrupt" ? undefined : found;
      if (entry !== undefined && isFresh(entry, options.freshBelow)) return { _tag: "Hit", entry };
      const answer = take(key, owner, ttl, options);
      switch (answer.role) {
        case "ended":
          return { _tag: "Ended", outcome: "uncached" };
        case "quiet":
          return { _tag: "Failed", entry, ...answer };
        case "leader":
          return { _tag: "Leader", entry, ...answer };
        case "follower":
          return { _tag: "Follower", entry, ...answer };
      }
    },
    renew: (key, owner, ttl) => {
      const lease = held(key, owner);
      if (lease === undefined) return false;
      lease.until = now() + ttl;
      lease.missing = undefined;
      lease.version = ++versions;
      return true;
    },
    fill: (key, owner, value, lifetime) => {
      if (held(key, owner) === undefined) return false;
      store(key, value, lifetime);
      leases.delete(key);
      tell(key);
      return true;
    },
    release: end,
    announce: (key, owner, process) => {
      const lease = held(key, owner);
      if (lease === undefined || gone.has(process)) return;
      lease.process = process;
      lease.missing = undefined;
    },
    gone: (process, isGone) => void (isGone ? gone.add(process) : gone.delete(process)),
    watch: (key, tell) => {
      const all = watchers.get(key) ?? new Set();
      watchers.set(key, all.add(tell));
      return () => void all.delete(tell);
    },
    lose: (key, how) => {
      const entry = entries.get(key);
      if (how === "evict") entries.delete(key);
      else if (entry !== undefined) entry.corrupt = true;
    },
    half: {
      set: (key, value, freshFor) => store(key, value, { freshFor }),
      delete: (key) => void entries.delete(key),
      acquire: (key, owner, ttl, waitedFor) => {
        const answer = take(key, owner, ttl, halves.outcomes ? { waitedFor } : {});
        if (answer.role === "ended" || answer.role === "quiet") {
          return { role: "follower", leaseUntil: 0, after: "uncached" };
        }
        const { role, remaining, after } = answer;
        const known = halves.outcomes ? { after } : {};
        const leaseUntil = EPOCH + now() + remaining;
        if (role === "leader") {
          ready.delete(key);
          return { role, leaseUntil, ...known };
        }
        return { role, leaseUntil, ...known, ...(halves.outcomes ? { lease: answer.lease } : {}) };
      },
      release: (key, owner, outcome) => end(key, owner, outcome ?? "cancelled"),
      markReady: (key) => {
        ready.add(key);
        tell(key);
      },
      isReady: (key) => ready.has(key),
    },
    version: (key) => {
      const lease = leases.get(key);
      return lease?.ended === undefined ? lease?.version : undefined;
    },
    kill: (key, version) => {
      if (leases.get(key)?.version === version) leases.delete(key);
    },
  };
}
