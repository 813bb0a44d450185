/** A lease that this process wrote, and the version that it has there. */
export interface OwnLease<Lease> {
  /** Names this version of it. */
  readonly version: string;
  /** What was written. */
  readonly lease: Lease;
}

/** The leases of this process's owners, so that a write over one needs no look before it. */
export interface OwnLeases<Lease> {
  /** Notes a lease that is there, or will be once its write is answered; `ttl` is its length in milliseconds. */
  note(
    key: string,
    owner: string,
    ttl: number,
    written: Promise<OwnLease<Lease> | undefined>,
  ): void;
  /** Gives the lease, once its write is answered, and forgets it. Undefined where it isn't known. */
  take(key: string, owner: string): Promise<OwnLease<Lease> | undefined>;
  /** The length of the lease in milliseconds; zero where it isn't known. */
  ttlOf(key: string, owner: string): number;
  /** Forgets the lease. */
  forget(key: string, owner: string): void;
}

/** Makes the memory of one store. */
export function makeOwnLeases<Lease>(): OwnLeases<Lease> {
  const known = new Map<
    string,
    { readonly ttl: number; readonly written: Promise<OwnLease<Lease> | undefined> }
  >();
  const idOf = (key: string, owner: string) => JSON.stringify([key, owner]);
  return {
    note: (key, owner, ttl, written) => void known.set(idOf(key, owner), { ttl, written }),
    async take(key, owner) {
      const id = idOf(key, owner);
      const own = known.get(id);
      known.delete(id);
      return await own?.written.catch(() => undefined);
    },
    ttlOf: (key, owner) => known.get(idOf(key, owner))?.ttl ?? 0,
    forget: (key, owner) => void known.delete(idOf(key, owner)),
  };
}
