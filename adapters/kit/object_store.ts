import type { Codec } from "../../src/store/codec.ts";
import type { Store } from "../../src/store/store.ts";
import type { Backend, Row, Target, Wanted, Written } from "./backend.ts";
import { bytesOf } from "./data.ts";
import { decide } from "./decide.ts";
import { type LeaseObserver, makeLeaseObserver } from "./lease_observer.ts";
import { type EntryBody, fromBytes, type LeaseBody, toBytes } from "./object_format.ts";
import { objectName } from "./object_name.ts";
import { makeObjectProof, type ObjectProof } from "./object_proof.ts";
import type { Objects } from "./objects.ts";
import { checkPrefix, makeNames } from "./names.ts";
import { makeOwnLeases, type OwnLease, type OwnLeases } from "./own_leases.ts";
import { Refusal } from "./refusal.ts";
import { withGracePeriod } from "./grace_period.ts";
import { Contention, retry } from "./retry.ts";
import { makeStore } from "./store.ts";
import { machineTime, type Time } from "./time.ts";

/** What an object store is made of. */
export interface ObjectStoreOptions {
  /** The backend's name. */
  readonly name: string;
  readonly objects: Objects;
  /** What the names of its objects begin with; nothing by default. */
  readonly keyPrefix?: string | undefined;
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
  /** The machine's own by default. */
  readonly time?: Time | undefined;
}

/** An object, or that there is none. */
interface Found extends Row {
  readonly etag?: string | undefined;
  /** What it holds; undefined if this library can't have written it. */
  readonly body?: EntryBody | LeaseBody | undefined;
  /** How long ago it was written, by the server's clock, in milliseconds. */
  readonly age?: number;
}

/** What the functions of one store have in common. */
interface Bucket {
  readonly objects: Objects;
  readonly time: Time;
  readonly observer: LeaseObserver;
  readonly ownLeases: OwnLeases<LeaseBody>;
  readonly proof: ObjectProof;
}

/** With it, no name is longer than 1,024 bytes. */
const LONGEST_PREFIX = 250;
/** By how much the age of a lease may be wrong, in milliseconds: a second by the one date, and two by the other. */
const MARGIN = 3000;

/**
 * Makes a store of one object per key, which holds a value or a lease, so that a fill is one conditional write over the
 * lease's last version, and fenced.
 *
 * A lease is over for those who have seen one version of it stay for as long as it lives, by their own monotonic clock, or
 * if it was written longer ago by the server's clock. How old an entry is, is the server's to tell. What a lost reply
 * leaves open, the owner's token in the object says.
 */
export function makeObjectStore(
  { name, objects, keyPrefix, codec, time = machineTime }: ObjectStoreOptions,
): Store<unknown> {
  const naming = { prefix: keyPrefix, longestPrefix: LONGEST_PREFIX };
  const prefix = checkPrefix(naming);
  const nameOf = makeNames({ prefix: "" });
  const bucket: Bucket = {
    objects,
    time,
    observer: makeLeaseObserver(),
    ownLeases: makeOwnLeases(),
    proof: makeObjectProof(objects),
  };
  return makeStore({
    name,
    backend: objectBackend(bucket),
    nameOf: (key) => objectName(prefix, nameOf(key)),
    codec,
  });
}

function objectBackend(bucket: Bucket): Backend<Found> {
  const { objects, ownLeases, proof } = bucket;
  return {
    async read(target) {
      const found = await read(bucket, target);
      if (found.etag === undefined || found.body !== undefined) return found;
      throw new Refusal("the stored object is not from this library", { corrupt: true });
    },
    take: async (target, wanted) => {
      proof.check();
      const row = await take(bucket, target, wanted);
      const own = row.data === undefined && row.lease?.owner === wanted.owner;
      if (own) await proof.prove(target, () => ownLeases.forget(target.key, wanted.owner));
      return row;
    },
    renew: async (target, { owner, ttl }) => {
      const next = (lease: LeaseBody) => ({ ...lease, ttl, at: objects.now() });
      return await writeOver(bucket, target, owner, next) === "written";
    },
    fill: async (target, filled) => {
      const entry = () => ({ ...entryOf(bucket, filled), by: filled.owner });
      return await writeOver(bucket, target, filled.owner, entry) !== "lost";
    },
    release: (target, { owner, outcome }) => {
      const next = ({ ttl, at, last }: LeaseBody): LeaseBody => ({
        kind: "lease",
        ttl: at + ttl - objects.now(),
        at: objects.now(),
        last: outcome === "cancelled" ? last : { lease: owner, outcome },
      });
      // The lease may still be on its way.
      const gracePeriod = ownLeases.ttlOf(target.key, owner);
      return withGracePeriod(
        gracePeriod,
        target.signal(),
        (signal) => writeOver(bucket, { ...target, signal: () => signal }, owner, next),
      );
    },
    write: ({ name, signal }, written) =>
      objects.put(name, toBytes(entryOf(bucket, written)), { signal: signal() }),
    remove: ({ name, signal }) => objects.delete(name, signal()),
  };
}

function entryOf({ objects }: Bucket, { data, ttl }: Written): EntryBody {
  return { kind: "entry", ttl, at: objects.now(), data: bytesOf(data) };
}

/** Reads the object, of which only an entry that is fresh counts yet. */
async function read({ objects }: Bucket, { name, signal }: Target): Promise<Found> {
  const stored = await objects.get(name, signal());
  if (stored === undefined) return {};
  const { etag } = stored;
  const body = fromBytes(stored.body);
  // What the writer knew of the server's clock is believed as far as the server's own date leaves it open.
  const latest = stored.written + objects.resolution - 1;
  const age = objects.now() - Math.min(Math.max(body?.at ?? latest, stored.written), latest);
  const isFresh = body?.kind === "entry" && age < (body.ttl ?? Infinity);
  return { etag, body, age, data: isFresh ? body.data : undefined };
}

/** The same, with the lease if it lives, or with how one ended while that is remembered. */
async function look(bucket: Bucket, target: Target): Promise<Found> {
  const { observer, time } = bucket;
  const asked = time.monotonic();
  const found = await read(bucket, target);
  const { etag, body, age = 0 } = found;
  if (etag === undefined || body?.kind !== "lease") return found;
  if (observer.isOutdated(target.key, etag, asked)) throw new Contention();
  const { owner, ttl, last } = body;
  const remaining = Math.min(
    observer.remaining(target.key, { version: etag, ttl }, time.monotonic()),
    ttl - age + (owner === undefined ? 0 : MARGIN),
  );
  if (remaining <= 0) return found;
  return {
    ...found,
    lease: owner === undefined ? undefined : { owner, remaining },
    ended: last && { owner: last.lease, outcome: last.outcome },
  };
}

/** Looks, and writes the lease over what it finds, if that is no entry, no lease and no end that was waited for. */
function take(bucket: Bucket, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { objects, ownLeases, observer, time } = bucket;
  const { key } = target;
  const { owner, ttl } = wanted;
  let { ignored } = wanted;
  return retry(target, async () => {
    const found = ignored ?? await look(bucket, target);
    if (found.data !== undefined && found !== ignored) return found;
    ignored = undefined;
    const decision = decide(found, wanted);
    if (decision?._tag === "Leader") {
      const own = { version: found.etag!, lease: found.body as LeaseBody };
      ownLeases.note(key, owner, own.lease.ttl, Promise.resolve(own));
    }
    if (decision !== undefined) return found;

    const last = found.ended && { lease: found.ended.owner, outcome: found.ended.outcome };
    const lease = { kind: "lease", owner, ttl, at: objects.now(), last } as const;
    // To call it off is not to undo it.
    const version = await withGracePeriod(
      ttl,
      target.signal(),
      (signal) =>
        writeLease(bucket, { ...target, signal: () => signal }, lease, found.etag ?? null),
    );
    if (version === undefined) {
      ownLeases.forget(key, owner);
      throw new Contention();
    }
    // An answer of before, which is still under way, must not pass for a newer one.
    if (found.etag !== undefined) observer.remaining(key, { version, ttl }, time.monotonic());
    return { lease: { owner, remaining: ttl }, ended: found.ended };
  }, { pause: time.pause });
}

/** Writes the owner's lease. Who asks for it next waits for the answer, even if nobody else does. */
function writeLease(
  { objects, ownLeases }: Bucket,
  { key, name, signal }: Target,
  lease: LeaseBody & { readonly owner: string },
  over: string | null,
): Promise<string | undefined> {
  const writing = objects.put(name, toBytes(lease), { over, signal: signal() });
  const written = writing.then((version) => version === undefined ? undefined : { version, lease });
  written.catch(ignore);
  ownLeases.note(key, lease.owner, lease.ttl, written);
  return writing;
}

/** Writes over the lease of an owner, and over nothing else; `filled` where its value is already there. */
function writeOver(
  bucket: Bucket,
  target: Target,
  owner: string,
  next: (lease: LeaseBody) => EntryBody | LeaseBody,
): Promise<"written" | "filled" | "lost"> {
  const { objects, ownLeases, time } = bucket;
  return retry(target, async () => {
    let own: OwnLease<LeaseBody> | undefined = await ownLeases.take(target.key, owner);
    if (own === undefined) {
      const { etag, body } = await read(bucket, target);
      if (body?.kind === "entry" && body.by === owner) return "filled";
      if (body?.kind !== "lease" || body.owner !== owner) return "lost";
      own = { version: etag!, lease: body };
    }
    const body = next(own.lease);
    const written = await (isHeld(body)
      ? writeLease(bucket, target, body, own.version)
      : objects.put(target.name, toBytes(body), { over: own.version, signal: target.signal() }));
    if (written === undefined) {
      throw new Contention();
    }
    return "written";
  }, { pause: time.pause });
}

function isHeld(body: EntryBody | LeaseBody): body is LeaseBody & { readonly owner: string } {
  return body.kind === "lease" && body.owner !== undefined;
}

function ignore(): void {}
