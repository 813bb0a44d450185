import type { Backend, Row, Written } from "../../../adapters/kit/backend.ts";
import { decide, isHit } from "../../../adapters/kit/decide.ts";
import { makeNames } from "../../../adapters/kit/names.ts";
import { makeStore } from "../../../adapters/kit/store.ts";
import type { Store } from "../../../mod.ts";
import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../../src/model/defaults.ts";

/** An entry, fresh until `freshUntil`, and a lease or the end of one, until `until`: by the clock of this process. */
interface Held {
  readonly entry?: {
    readonly data: unknown;
    readonly freshUntil: number;
    readonly staleFor: number;
    readonly took?: number | undefined;
  } | undefined;
  readonly lease?:
    & Pick<Row, "owner" | "lastOwner" | "outcome" | "failures">
    & { readonly until: number; readonly quietUntil?: number | undefined };
}

/** What there is where there is a lease. */
type Leased = Held & { readonly lease: NonNullable<Held["lease"]> };

/** A backend that is a Map behind promises. */
export function mapBackend(held: Map<string, Held> = new Map()): Backend {
  const now = () => performance.now();
  const ask = <A>(step: () => A): Promise<A> => Promise.resolve().then(step);
  const find = (name: string): Held => {
    const { entry, lease } = held.get(name) ?? {};
    return {
      ...entry !== undefined && entry.freshUntil + entry.staleFor > now() && { entry },
      ...lease !== undefined && lease.until > now() && { lease },
    };
  };
  const rowOf = ({ entry, lease }: Held): Row => ({
    ...entry && { data: entry.data, freshFor: entry.freshUntil - now(), took: entry.took },
    ...lease &&
      { ...lease, remaining: lease.until - now(), quietFor: (lease.quietUntil ?? 0) - now() },
  });
  const entryOf = ({ data, freshFor = Infinity, staleFor = 0, took }: Written): Held => {
    return { entry: { data, took, freshUntil: now() + freshFor, staleFor } };
  };
  /** Replaces what there is with the owner's lease; false if the owner has lost it. */
  const change = (name: string, owner: string, next: (found: Leased) => Held) =>
    ask(() => {
      const found = find(name);
      if (found.lease?.owner !== owner) return false;
      held.set(name, next(found as Leased));
      return true;
    });

  return {
    read: ({ name }) => ask(() => rowOf(find(name))),
    take: ({ name }, wanted) =>
      ask(() => {
        const found = find(name);
        // A lease without an end is no lease.
        const isEndless = found.lease?.owner !== undefined &&
          found.lease.until > now() + LONGEST_LEASE;
        const row = rowOf(isEndless ? { entry: found.entry } : found);
        const isIgnored = row.data === wanted.ignored?.data;
        if (isHit(row, wanted) && !isIgnored) return row;
        const entry = isIgnored ? undefined : found.entry;
        if (decide(row, wanted) !== undefined) return rowOf({ ...found, entry });
        const { owner, ttl } = wanted;
        const { lastOwner, outcome, failures } = row;
        const lease = { owner, until: now() + ttl, lastOwner, outcome, failures };
        held.set(name, { entry, lease });
        return rowOf({ entry, lease });
      }),
    renew: ({ name }, { owner, ttl }) =>
      change(
        name,
        owner,
        ({ entry, lease }) => ({ entry, lease: { ...lease, until: now() + ttl } }),
      ),
    fill: ({ name }, { owner, ...written }) => change(name, owner, () => entryOf(written)),
    release: ({ name }, { owner, outcome, failure }) =>
      change(name, owner, ({ entry, lease }) => {
        const quietUntil = failure && now() + failure.quietFor;
        const until = Math.max(lease.until, (quietUntil ?? -Infinity) + FAILURES_REMEMBERED);
        return {
          entry,
          lease: {
            ...lease,
            owner: undefined,
            ...outcome !== "cancelled" && { lastOwner: owner, outcome },
            ...outcome === "uncached" && { failures: 0 },
            ...failure && { failures: failure.failures, quietUntil, until },
          },
        };
      }),
    write: ({ name }, written) => ask(() => held.set(name, entryOf(written))),
    expire: ({ name }) =>
      ask(() => {
        const { entry } = find(name);
        if (entry === undefined) return void held.delete(name);
        const freshUntil = Math.min(now(), entry.freshUntil);
        held.set(name, { entry: { ...entry, freshUntil } });
      }),
    remove: ({ name }) => ask(() => held.delete(name)),
  };
}

/** Makes a store of the backend. */
export const mapStore = (backend: Backend): Store<unknown> =>
  makeStore({ name: "map", backend, nameOf: makeNames({ prefix: undefined }) });
