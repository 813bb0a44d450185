import type { Backend, Row } from "../../../adapters/kit/backend.ts";
import { makeNames } from "../../../adapters/kit/names.ts";
import { makeStore } from "../../../adapters/kit/store.ts";
import type { Store } from "../../../mod.ts";
import { LONGEST_LEASE } from "../../../src/model/defaults.ts";

/** An entry, a live lease, or the end of a lease. It expires at `until`. */
interface Held extends Row {
  readonly until: number;
}

/** A backend that is a Map behind promises. */
export function mapBackend(held: Map<string, Held> = new Map()): Backend {
  const now = () => performance.now();
  const endOf = (ttl = Infinity) => now() + ttl;
  const find = (name: string) => {
    const found = held.get(name);
    return found !== undefined && found.until > now() ? found : undefined;
  };
  const ask = <A>(step: () => A): Promise<A> => Promise.resolve().then(step);
  /** Replaces the owner's lease; false if the owner has lost it. */
  const change = (name: string, owner: string, next: (lease: Held) => Held) =>
    ask(() => {
      const found = find(name);
      if (found?.owner !== owner) return false;
      held.set(name, next(found));
      return true;
    });

  return {
    read: ({ name }) => ask(() => find(name)),
    take: ({ name }, { owner, ttl, waitedFor, ignored }) =>
      ask(() => {
        const found = find(name);
        if (found?.data !== undefined && found.data !== ignored?.data) return found;
        const { lastOwner, outcome } = found ?? {};
        const uncached = outcome === "uncached" && lastOwner && lastOwner === waitedFor;
        // A lease without an end is no lease.
        const lease = found?.owner && found.until <= now() + LONGEST_LEASE ? found : undefined;
        const until = lease?.until ?? endOf(ttl);
        const holder = lease?.owner ?? (uncached ? undefined : owner);
        if (holder === undefined) return { lastOwner, outcome };
        held.set(name, { owner: holder, lastOwner, outcome, until });
        return { owner: holder, remaining: until - now(), lastOwner, outcome };
      }),
    renew: ({ name }, { owner, ttl }) =>
      change(name, owner, (lease) => ({ ...lease, until: endOf(ttl) })),
    fill: ({ name }, { owner, data, ttl }) =>
      change(name, owner, () => ({ data, until: endOf(ttl) })),
    release: ({ name }, { owner, outcome }) =>
      change(name, owner, (lease) => ({
        ...lease,
        owner: undefined,
        ...outcome !== "cancelled" && { lastOwner: owner, outcome },
      })),
    write: ({ name }, { data, ttl }) => ask(() => held.set(name, { data, until: endOf(ttl) })),
    remove: ({ name }) => ask(() => held.delete(name)),
  };
}

/** Makes a store of the backend. */
export const mapStore = (backend: Backend): Store<unknown> =>
  makeStore({ name: "map", backend, nameOf: makeNames({ prefix: undefined }) });
