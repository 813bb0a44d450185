import type { Target } from "./backend.ts";
import { Contention, retry, type RetryOptions } from "./retry.ts";

/** A lease that this process wrote, and what names this version of it. */
export interface OwnLease<Lease, Version> {
  readonly lease: Lease;
  readonly version: Version;
}

/** The least that a lease has. */
interface Held {
  readonly owner?: string | undefined;
  /** Its length, in milliseconds. */
  readonly ttl: number;
}

/** The two steps of {@linkcode OwnLeases.overwrite}. */
export interface Overwrite<Lease, Version> {
  /** Looks for the owner's lease, if this process doesn't know it; without one, the answer of the operation. */
  find(): Promise<OwnLease<Lease, Version> | boolean>;
  /** Writes over this version; undefined where another one is there. */
  write(own: OwnLease<Lease, Version>): Promise<unknown>;
}

/** The leases of this process's owners, so that a write over one needs no look before it. */
export interface OwnLeases<Lease, Version> {
  /** Notes a lease that is there, or will be once its write has answered with a version. */
  note(key: string, lease: Lease, written: Promise<Version | undefined>): void;
  /** The length of the lease in milliseconds; zero where it isn't known. */
  ttlOf(key: string, owner: string): number;
  /** Forgets the lease. */
  forget(key: string, owner: string): void;
  /** Writes over the owner's lease, once its own write has answered, and over nothing else. */
  overwrite(target: Target, owner: string, how: Overwrite<Lease, Version>): Promise<boolean>;
}

/** How many keys are remembered at most; a key that is forgotten costs a look. */
const MOST_REMEMBERED = 10_000;

/** Sets what is remembered of a key. */
export function remember<A>(memory: Map<string, A>, key: string, value: A): void {
  memory.delete(key);
  if (memory.size >= MOST_REMEMBERED) memory.delete(memory.keys().next().value!);
  memory.set(key, value);
}

/** Makes the memory of one store. */
export function makeOwnLeases<Lease extends Held, Version>(
  options?: RetryOptions,
): OwnLeases<Lease, Version> {
  type Own = OwnLease<Lease, Version> | undefined;
  const known = new Map<string, { readonly ttl: number; readonly own: Promise<Own> }>();
  const idOf = (key: string, owner = "") => JSON.stringify([key, owner]);
  const take = async (id: string) => {
    const noted = known.get(id);
    known.delete(id);
    return await noted?.own;
  };
  return {
    note(key, lease, written) {
      const id = idOf(key, lease.owner);
      const own = written.then((version): Own => {
        if (version !== undefined) return { lease, version };
        known.delete(id);
      }).catch(() => undefined);
      remember(known, id, { ttl: lease.ttl, own });
    },
    ttlOf: (key, owner) => known.get(idOf(key, owner))?.ttl ?? 0,
    forget: (key, owner) => void known.delete(idOf(key, owner)),
    overwrite: (target, owner, { find, write }) =>
      retry(target, async () => {
        const own = await take(idOf(target.key, owner)) ?? await find();
        if (typeof own === "boolean") return own;
        if (await write(own) === undefined) throw new Contention();
        return true;
      }, options),
  };
}
