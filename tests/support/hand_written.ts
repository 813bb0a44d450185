import { Clock, Effect } from "effect";
import { AdapterError, type CacheHalf, type LeasesHalf } from "../../mod.ts";
import { type Latency, roundTrip } from "./round_trip.ts";

/** Halves as people write them by hand, over two Maps, a few milliseconds away. */
export interface HandWritten {
  readonly cache: CacheHalf & { readonly delete: NonNullable<CacheHalf["delete"]> };
  /** What is needed, and `renew`. */
  readonly leases: LeasesHalf;
  /** The same, and `markReady` and `isReady`. */
  readonly readyLeases: LeasesHalf & Required<Pick<LeasesHalf, "markReady" | "isReady">>;
  readonly entries: Map<string, { readonly value: unknown; readonly until: number }>;
  readonly held: Map<string, { readonly owner: string; until: number }>;
  /** Keys whose leader is done. */
  readonly ready: Set<string>;
  /** Spoils the entry of a key. */
  readonly corrupt: (key: string) => void;
}

const SPOILED = Symbol("spoiled");

/** Makes them. */
export function handWritten(latency: Latency = 3): HandWritten {
  const entries: HandWritten["entries"] = new Map();
  const held: HandWritten["held"] = new Map();
  const ready: HandWritten["ready"] = new Set();
  const slow = <A>(step: (now: number) => A): Effect.Effect<A> =>
    roundTrip(latency, () => Effect.map(Clock.currentTimeMillis, step));

  const leases: LeasesHalf = {
    acquire: (key, owner, ttl) =>
      slow((now) => {
        const lease = held.get(key);
        if (lease !== undefined && lease.until > now) {
          const role = lease.owner === owner ? "leader" : "follower";
          return { role, leaseUntil: lease.until } as const;
        }
        held.set(key, { owner, until: now + ttl });
        ready.delete(key);
        return { role: "leader", leaseUntil: now + ttl };
      }),
    renew: (key, owner, ttl) =>
      slow((now) => {
        const lease = held.get(key);
        if (lease?.owner !== owner || lease.until <= now) return false;
        lease.until = now + ttl;
        return true;
      }),
    release: (key, owner) =>
      slow(() => {
        if (held.get(key)?.owner === owner) held.delete(key);
      }),
  };
  return {
    entries,
    held,
    ready,
    leases,
    readyLeases: {
      ...leases,
      markReady: (key) => slow(() => void ready.add(key)),
      isReady: (key) => slow(() => ({ ready: ready.has(key) })),
    },
    corrupt: (key) => void entries.set(key, { value: SPOILED, until: Infinity }),
    cache: {
      get: (key) =>
        Effect.flatMap(
          slow((now) => {
            const entry = entries.get(key);
            return entry !== undefined && entry.until > now ? entry.value : null;
          }),
          (value) => {
            if (value !== SPOILED) return Effect.succeed(value);
            const reason = "its bytes can't be decoded";
            return Effect.fail(new AdapterError("get", key, undefined, { corrupt: true, reason }));
          },
        ),
      set: (key, value, ttl = Infinity) =>
        slow((now) => void entries.set(key, { value, until: now + ttl })),
      delete: (key) => slow(() => void entries.delete(key)),
    },
  };
}
