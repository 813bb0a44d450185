import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { LeaseAnswer, LeasesHalf } from "./halves.ts";
import type { Store } from "./store.ts";

/** The leases of a store, for entries that are kept elsewhere. */
export function leasesHalf(store: Store<unknown>): LeasesHalf {
  return {
    acquire: (key, owner, ttl, waitedFor, { backOff } = {}) =>
      Effect.flatMap(
        store.acquire(key, owner, ttl, { waitedFor, backOff }),
        (acquired) =>
          Effect.map(Clock.currentTimeMillis, (now): LeaseAnswer => {
            switch (acquired._tag) {
              case "Leader":
                return {
                  role: "leader",
                  leaseUntil: now + acquired.remaining,
                  after: acquired.after,
                  replaced: acquired.replaced,
                  failures: acquired.failures,
                };
              case "Follower":
                return {
                  role: "follower",
                  leaseUntil: now + acquired.remaining,
                  lease: acquired.lease,
                  after: acquired.after,
                  watched: acquired.watched,
                };
              case "Failed":
                return {
                  role: "follower",
                  leaseUntil: now,
                  failures: acquired.failures,
                  quietFor: acquired.remaining,
                  payload: acquired.payload,
                };
              default:
                return { role: "follower", leaseUntil: now, after: "uncached" };
            }
          }),
      ),
    release: (key, owner, outcome = "cancelled", failure) =>
      store.release(key, owner, outcome, failure),
    renew: (key, owner, ttl) => store.renew(key, owner, ttl),
    ...(store.watch ? { watch: (key: string) => store.watch!(key) } : {}),
    ...(store.announce
      ? { announce: (key: string, owner: string) => store.announce!(key, owner) }
      : {}),
    ...(store.closeIdle ? { closeIdle: () => store.closeIdle!() } : {}),
  };
}
