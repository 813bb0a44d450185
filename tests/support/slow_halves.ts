import { Clock, Effect, Fiber } from "effect";
import type { CacheHalf, Halves, LeasesHalf } from "../../mod.ts";
import { forkDetached } from "../../src/effect/fork.ts";

/** Hand-written halves whose every operation takes a few milliseconds, and what they hold. */
export interface SlowHalves extends Halves {
  readonly leases: LeasesHalf;
  /** Owners of live leases by key. */
  readonly held: Map<string, string>;
}

/** Makes halves over two Maps. What was sent is done, even if whoever sent it is interrupted. */
export function slowHalves(latency: () => number): SlowHalves {
  const entries = new Map<string, { value: unknown; until: number }>();
  const leases = new Map<string, { owner: string; until: number }>();
  const held = new Map<string, string>();
  const slow = <A>(step: (now: number) => A): Effect.Effect<A> =>
    Effect.suspend(() => {
      const sent = forkDetached(Effect.flatMap(
        Effect.sleep(latency()),
        () => Effect.map(Clock.currentTimeMillis, step),
      ));
      return Effect.flatMap(sent, (fiber) =>
        Effect.flatMap(Fiber.join(fiber), (answer) =>
          Effect.as(Effect.sleep(latency()), answer)));
    });

  const cache: CacheHalf = {
    get: (key) =>
      slow((now) => {
        const entry = entries.get(key);
        return entry !== undefined && entry.until > now ? entry.value : null;
      }),
    set: (key, value, ttl = Infinity) =>
      slow((now) => void entries.set(key, { value, until: now + ttl })),
  };
  return {
    cache,
    held,
    leases: {
      acquire: (key, owner, ttl) =>
        slow((now) => {
          const lease = leases.get(key);
          if (lease !== undefined && lease.until > now && lease.owner !== owner) {
            return { role: "follower", leaseUntil: lease.until };
          }
          leases.set(key, { owner, until: now + ttl });
          held.set(key, owner);
          return { role: "leader", leaseUntil: now + ttl };
        }),
      renew: (key, owner, ttl) =>
        slow((now) => {
          const lease = leases.get(key);
          if (lease?.owner !== owner || lease.until <= now) return false;
          lease.until = now + ttl;
          return true;
        }),
      release: (key, owner) =>
        slow(() => {
          if (leases.get(key)?.owner !== owner) return;
          leases.delete(key);
          held.delete(key);
        }),
    },
  };
}
