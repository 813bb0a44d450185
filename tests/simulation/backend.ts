import type { Acquired, Entry, LeaseAnswer, LeaseOutcome } from "../../mod.ts";
import type { HalvesTraits } from "./scenario.ts";
import { EPOCH } from "./world.ts";

/** A backend as src/store.ts has it: each method is one step, at the time of the backend's own clock. */
export interface Backend {
  /** Undefined for none; `'corrupt'` for one that can't be decoded. */
  readonly get: (key: string) => Entry<unknown> | "corrupt" | undefined;
  readonly set: (key: string, value: unknown, ttl: number | undefined) => void;
  readonly delete: (key: string) => void;
  readonly acquire: (
    key: string,
    owner: string,
    ttl: number,
    waitedFor?: string,
  ) => Acquired<unknown>;
  readonly renew: (key: string, owner: string, ttl: number) => boolean;
  readonly fill: (key: string, owner: string, value: unknown, ttl: number | undefined) => boolean;
  readonly release: (key: string, owner: string, outcome: LeaseOutcome) => void;
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
  readonly before?: Lease | undefined;
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
  const entries = new Map<string, { value: unknown; until: number; corrupt: boolean }>();
  const leases = new Map<string, Lease>();
  const watchers = new Map<string, Set<() => void>>();
  const ready = new Set<string>();
  let versions = 0;

  const tell = (key: string) => {
    for (const each of [...watchers.get(key) ?? []]) each();
  };
  const alive = (lease: Lease | undefined) =>
    lease !== undefined && (!expires || lease.until > now()) ? lease : undefined;
  const held = (key: string, owner: string) => {
    const lease = alive(leases.get(key));
    return lease?.owner === owner && lease.ended === undefined ? lease : undefined;
  };
  const get = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined || entry.until <= now()) return undefined;
    return entry.corrupt ? "corrupt" : { value: entry.value };
  };
  const store = (key: string, value: unknown, ttl = Infinity) =>
    void entries.set(key, { value, until: now() + ttl, corrupt: false });
  const take = (key: string, owner: string, ttl: number, waitedFor: string | undefined) => {
    const last = alive(leases.get(key));
    const live = last?.ended === undefined ? last : undefined;
    const ended = live === undefined ? last : live.before;
    const outcome = ended !== undefined && ended.owner === waitedFor ? ended.ended : undefined;
    const remaining = (live?.until ?? 0) - now();
    const after = outcome === "failed" ? outcome : undefined;
    if (live?.owner === owner) return { role: "leader", remaining, after } as const;
    if (outcome === "uncached") return { role: "ended" } as const;
    if (live !== undefined) {
      return { role: "follower", remaining, lease: live.owner, after } as const;
    }
    const before = last && { ...last, before: undefined };
    leases.set(key, { owner, until: now() + ttl, version: ++versions, before });
    return { role: "leader", remaining: ttl, after } as const;
  };
  const end = (key: string, owner: string, outcome: LeaseOutcome) => {
    const lease = held(key, owner);
    if (lease === undefined) return;
    if (outcome === "cancelled") leases.delete(key);
    else {
      lease.ended = outcome;
      lease.version = ++versions;
    }
    tell(key);
  };

  return {
    get,
    set: (key, value, ttl) => {
      store(key, value, ttl);
      leases.delete(key);
      tell(key);
    },
    delete: (key) => {
      entries.delete(key);
      leases.delete(key);
      tell(key);
    },
    acquire: (key, owner, ttl, waitedFor) => {
      const entry = get(key);
      if (entry !== undefined && entry !== "corrupt") return { _tag: "Hit", entry };
      const { role, ...rest } = take(key, owner, ttl, waitedFor);
      if (role === "ended") return { _tag: "Ended", outcome: "uncached" };
      const answer = rest as { remaining: number; lease: string; after: "failed" | undefined };
      return role === "leader"
        ? { _tag: "Leader", remaining: answer.remaining, after: answer.after }
        : { _tag: "Follower", ...answer };
    },
    renew: (key, owner, ttl) => {
      const lease = held(key, owner);
      if (lease === undefined) return false;
      lease.until = now() + ttl;
      lease.version = ++versions;
      return true;
    },
    fill: (key, owner, value, ttl) => {
      if (held(key, owner) === undefined) return false;
      store(key, value, ttl);
      leases.delete(key);
      tell(key);
      return true;
    },
    release: end,
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
      set: store,
      delete: (key) => void entries.delete(key),
      acquire: (key, owner, ttl, waitedFor) => {
        const answer = take(key, owner, ttl, halves.outcomes ? waitedFor : undefined);
        if (answer.role === "ended") return { role: "follower", leaseUntil: 0, after: "uncached" };
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
