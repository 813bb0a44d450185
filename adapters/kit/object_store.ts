import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import { describe } from "../../src/model/describe.ts";
import type { Codec } from "../../src/store/codec.ts";
import type { Store } from "../../src/store/store.ts";
import type { Backend, LeaseEnd, Row, Target, Wanted, Written } from "./backend.ts";
import { bytesOf } from "./data.ts";
import { takeInSteps } from "./take_in_steps.ts";
import { withGracePeriod } from "./grace_period.ts";
import { type LeaseObserver, makeLeaseObserver } from "./lease_observer.ts";
import { checkPrefix, makeNames } from "./names.ts";
import { type EntryBody, fromBytes, type LeaseBody, objectName, toBytes } from "./object_format.ts";
import type { Objects } from "./objects.ts";
import { makeOwnLeases, type OwnLeases, remember } from "./own_leases.ts";
import { Refusal } from "./refusal.ts";
import { Contention, retry, sleep } from "./retry.ts";
import { makeStore } from "./store.ts";

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
  readonly time?: Time;
}

/** The time of this process. */
interface Time {
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  /** Waits so many milliseconds. */
  readonly pause: (millis: number) => Promise<unknown>;
}

/** An object, or that there is none. */
interface Found extends Row {
  readonly etag?: string | undefined;
  /** What it holds; undefined if this library can't have written it. */
  readonly body?: EntryBody | LeaseBody | undefined;
  /** How long ago it was written, by the server's clock, in milliseconds. */
  readonly age?: number;
  /** The same of the entry, which may be older than the lease beside it. */
  readonly entryAge?: number;
}

/** What the functions of one store have in common. */
interface Bucket {
  readonly objects: Objects;
  readonly time: Time;
  readonly observer: LeaseObserver;
  readonly ownLeases: OwnLeases<LeaseBody, string>;
  /** By key, the version that was read last whose body tells another time than the server. */
  readonly unlikely: Map<string, string>;
}

/** With it, no name is longer than 1,024 bytes. */
const LONGEST_PREFIX = 250;
/** By how much a time may be wrong, in milliseconds: a second by the one date, and two by the other. */
const MARGIN = 3000;

/**
 * Makes a store of one object per key, which holds a value or a lease, so that a fill is one conditional write over the
 * lease's last version, and fenced.
 *
 * A lease has expired for a process that has observed one version of it for as long as it lives, by its own monotonic
 * clock, or if it was written longer ago by the server's clock. The server tells the age of an entry. After a lost reply,
 * the owner's token in the object tells whose it is.
 */
export function makeObjectStore(
  { name, objects, keyPrefix, codec, time }: ObjectStoreOptions,
): Store<
  unknown
> {
  const prefix = checkPrefix({ prefix: keyPrefix, longestPrefix: LONGEST_PREFIX });
  checkPath(prefix);
  const nameOf = makeNames({ prefix: "" });
  return makeStore({
    name,
    backend: objectBackend(objects, time ?? { monotonic: () => performance.now(), pause: sleep }),
    nameOf: (key) => objectName(prefix, nameOf(key)),
    codec,
  });
}

function objectBackend(objects: Objects, time: Time): Backend<Found> {
  const ownLeases = makeOwnLeases<LeaseBody, string>(time);
  const bucket: Bucket = {
    objects,
    time,
    observer: makeLeaseObserver(),
    ownLeases,
    unlikely: new Map(),
  };
  let isProven = objects.conditional === "known";
  let proving: Promise<unknown> | undefined;
  /** Why the server can't hold a lease. */
  let unfit: string | undefined;
  const check = () => {
    if (unfit !== undefined) throw new Refusal(`${unfit}, so it can't hold a lease`);
  };
  const prove = async (target: Target, own: Found) => {
    unfit = await whyUnfit(bucket, target, own);
    isProven = unfit === undefined;
  };
  /** Proves by the first lease that the server obeys conditions; those that are taken meanwhile wait for that. */
  const proveOnce = async (target: Target, own: Found) => {
    while (!isProven && unfit === undefined) {
      if (proving !== undefined) await proving.catch(() => {});
      else await (proving = prove(target, own).finally(() => proving = undefined));
    }
    if (isProven) return;
    ownLeases.forget(target.key, own.owner!);
    await objects.delete(target.name, target.signal());
    check();
  };
  const entryOf = ({ data, freshFor: ttl, staleFor, took }: Written): EntryBody => (
    { kind: "entry", ttl, staleFor, took, at: objects.now(), data: bytesOf(data) }
  );
  return {
    async read(target) {
      const found = await read(bucket, target);
      if (found.etag === undefined || found.body !== undefined) return found;
      throw new Refusal("the stored object is not from this library", { corrupt: true });
    },
    async take(target, wanted) {
      check();
      const row = await take(bucket, target, wanted);
      if (row.owner === wanted.owner && !isProven) await proveOnce(target, row);
      return row;
    },
    renew: (target, { owner, ttl }) =>
      overwrite(bucket, target, owner, (lease) => ({ ...rewritten(objects, lease), ttl })),
    fill: (target, { owner, ...filled }) =>
      overwrite(
        bucket,
        target,
        owner,
        () => ({ ...entryOf(filled), by: owner }),
        (body) => body?.kind === "entry" && body.by === owner,
      ),
    release: (target, end) =>
      // The lease may still be on its way.
      withGracePeriod(
        ownLeases.ttlOf(target.key, end.owner),
        target,
        (target) => overwrite(bucket, target, end.owner, (lease) => ended(objects, lease, end)),
      ),
    write: ({ name, signal }, written) =>
      objects.put(name, toBytes(entryOf(written)), { signal: signal() }),
    expire: (target) => expire(bucket, target),
    remove: ({ name, signal }) => objects.delete(name, signal()),
  };
}

/**
 * Throws for a prefix with a segment that a server over a file system leaves out of a path, so that two prefixes would be
 * one there.
 */
function checkPath(prefix: string): void {
  const folders = prefix.split("/").slice(0, -1);
  if (!folders.some((name) => ["", ".", ".."].includes(name))) return;
  throw new TypeError(
    "`keyPrefix` must not begin with `/`, and have no `//`, `.` or `..` in its path, as some servers take `/a//` for " +
      `\`a/\`, and is ${describe(prefix)}`,
  );
}

/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';
/** How many writes over one version are sent at once, of which one may be made. */
const RACERS = 16;

/**
 * Why the server can't hold a lease, as far as writes over the first one show it: two whose conditions don't hold, and
 * several at once, each of which would end the condition of the others. A server that passes may still let two writes
 * race, by luck.
 */
async function whyUnfit(
  { objects, ownLeases }: Bucket,
  { key, name, signal }: Target,
  { etag, body }: Found,
): Promise<string | undefined> {
  const lease = body as LeaseBody;
  // It holds no lease, in case somebody has just deleted the object and the write on nothing is made.
  const ended: LeaseBody = { kind: "lease", ttl: 0, at: objects.now() };
  const write = (over: string | null, body: LeaseBody) =>
    objects.put(name, toBytes(body), { over, signal: signal() });
  const [overNone, onNothing, ...racers] = await Promise.all([
    write(NO_ETAG, ended),
    write(null, ended),
    ...Array.from({ length: RACERS }, () => write(etag!, lease)),
  ]);
  if (
    overNone !== undefined || onNothing !== undefined && await write(null, ended) !== undefined
  ) {
    return "the server ignores the conditions of writes";
  }
  const [version, ...others] = racers.filter((version) => version !== undefined);
  if (others.length > 0) {
    const made = others.length + 1;
    return `the server made ${made} of ${RACERS} writes at once, of which the conditions allow one`;
  }
  if (version !== undefined) ownLeases.note(key, lease, Promise.resolve(version));
  return undefined;
}

/**
 * Reads the object, of which only the entry counts yet, fresh or stale. A body with another time than its headers is mostly
 * of another version than they are: it is read again, unless that is what was read before.
 */
function read({ objects, time, unlikely }: Bucket, { key, name, signal }: Target): Promise<Found> {
  return retry({ signal }, async () => {
    const stored = await objects.get(name, signal());
    if (stored === undefined) return {};
    const { etag, written } = stored;
    const body = fromBytes(stored.body);
    if (body !== undefined && Math.abs(body.at - written) > MARGIN) {
      const version = `${etag} ${body.at}`;
      const isKnown = unlikely.get(key) === version;
      remember(unlikely, key, version);
      if (!isKnown) throw new Contention();
    }
    // What the writer knew of the server's clock is believed as far as the server's own date leaves it open.
    const latest = written + objects.resolution - 1;
    const age = objects.now() - Math.min(Math.max(body?.at ?? latest, written), latest);
    return { etag, body, age, ...body && entryIn(body, age) };
  }, time);
}

/** The entry of an object that was written so long ago, if it isn't over. */
function entryIn(body: EntryBody | LeaseBody, age: number): Partial<Found> {
  const kept = body.kind === "entry" ? body : body.entry;
  if (kept === undefined) return {};
  const { ttl, staleFor = 0, took } = kept;
  const entryAge = body.kind === "entry" ? age : age + body.entry!.age;
  const freshFor = ttl === undefined ? undefined : ttl - entryAge;
  const isOver = freshFor !== undefined && freshFor + staleFor <= 0;
  return isOver ? {} : { data: body.data, freshFor, took, entryAge };
}

/** The entry that was found, for the lease that is written beside it. */
function kept({ body, entryAge: age }: Found): Pick<LeaseBody, "entry" | "data"> {
  if (body === undefined || age === undefined) return {};
  const { ttl, staleFor, took, by } = body.kind === "entry" ? body : body.entry!;
  return { entry: { ttl, staleFor, took, by, age }, data: body.data };
}

/** A lease that is written anew, beside an entry that is older by now. */
function rewritten({ now }: Objects, lease: LeaseBody): LeaseBody {
  const at = now();
  const { entry } = lease;
  return { ...lease, at, entry: entry && { ...entry, age: entry.age + at - lease.at } };
}

/** What is left of a lease that has ended. */
function ended(
  objects: Objects,
  lease: LeaseBody,
  { owner, outcome, failure }: LeaseEnd,
): LeaseBody {
  const { at, ...left } = rewritten(objects, lease);
  const rest = lease.at + lease.ttl - at;
  const quietFor = failure?.quietFor;
  return {
    ...left,
    at,
    owner: undefined,
    ttl: quietFor === undefined ? rest : Math.max(rest, quietFor + FAILURES_REMEMBERED),
    last: outcome === "cancelled" ? lease.last : { lease: owner, outcome },
    failures: failure?.failures ?? (outcome === "uncached" ? undefined : lease.failures),
    quietFor,
  };
}

/** Ends the time in which the entry is fresh, and the lease: removes what has no stale time. */
function expire(bucket: Bucket, target: Target): Promise<void> {
  const { objects, time } = bucket;
  return retry(target, async () => {
    const found = await read(bucket, target);
    const { etag, freshFor } = found;
    if (etag === undefined) return;
    const { entry, data } = kept(found);
    if (entry?.staleFor === undefined) {
      return void await objects.delete(target.name, target.signal());
    }
    const stale = (freshFor ?? 1) > 0 ? { ...entry, ttl: 0, age: 0 } : entry;
    const body: LeaseBody = { kind: "lease", ttl: 0, at: objects.now(), entry: stale, data };
    if (await put(bucket, target, body, etag) === undefined) throw new Contention();
  }, time);
}

/** The same, with the lease if it lives, or with how one ended while that is remembered. */
async function look(bucket: Bucket, target: Target): Promise<Found> {
  const { observer, time } = bucket;
  const asked = time.monotonic();
  const found = await read(bucket, target);
  const { etag, body, age = 0 } = found;
  if (etag === undefined || body?.kind !== "lease") return found;
  if (observer.isOutdated(target.key, etag, asked)) throw new Contention();
  const { owner, ttl, last, failures } = body;
  // Another process may be ahead of what this one knows of the server's clock.
  const quietFor = body.quietFor && body.quietFor - Math.max(0, age);
  const remaining = Math.min(
    observer.remaining(target.key, { version: etag, ttl }, time.monotonic()),
    ttl - age + (owner === undefined ? 0 : MARGIN),
  );
  if (remaining <= 0 || ttl > LONGEST_LEASE) return found;
  const told = { lastOwner: last?.lease, outcome: last?.outcome, failures };
  return { ...found, ...told, owner, remaining, quietFor };
}

/** Looks, and writes the lease over what it finds, if that is no entry, no lease and no end that was waited for. */
function take(bucket: Bucket, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { objects, ownLeases, observer, time } = bucket;
  const { key } = target;
  const { owner, ttl } = wanted;
  return takeInSteps(target, wanted, {
    async look() {
      const found = await look(bucket, target);
      if (found.owner === owner) {
        ownLeases.note(key, found.body as LeaseBody, Promise.resolve(found.etag));
      }
      return found;
    },
    async put(found) {
      const { etag, lastOwner, outcome, failures } = found;
      const last = lastOwner && outcome ? { lease: lastOwner, outcome } : undefined;
      const older = found === wanted.ignored ? {} : kept(found);
      const lease: LeaseBody = {
        kind: "lease",
        ...{ owner, ttl, at: objects.now(), last, failures: failures ?? undefined },
        ...older,
      };
      const version = await withGracePeriod(
        ttl,
        target,
        (target) => put(bucket, target, lease, etag ?? null),
      );
      if (version === undefined) return undefined;
      // An answer of before, which is still under way, must not pass for a newer one.
      if (etag !== undefined) observer.remaining(key, { version, ttl }, time.monotonic());
      const { data, freshFor, took }: Found = older.entry ? found : {};
      return {
        ...{ data, freshFor, took, owner, remaining: ttl, lastOwner, outcome, failures },
        ...{ etag: version, body: lease },
      };
    },
  }, time);
}

/** Writes over a version. Who asks for a lease next waits for the answer, even if nobody else does. */
function put(
  { objects, ownLeases }: Bucket,
  { key, name, signal }: Target,
  body: EntryBody | LeaseBody,
  over: string | null,
): Promise<string | undefined> {
  const written = objects.put(name, toBytes(body), { over, signal: signal() });
  if (body.kind === "lease" && body.owner !== undefined) ownLeases.note(key, body, written);
  return written;
}

/** Writes over the lease of an owner, and over nothing else; false if it is lost, unless it `isDone` already. */
function overwrite(
  bucket: Bucket,
  target: Target,
  owner: string,
  next: (lease: LeaseBody) => EntryBody | LeaseBody,
  isDone: (body: Found["body"]) => boolean = () => false,
): Promise<boolean> {
  return bucket.ownLeases.overwrite(target, owner, {
    async find() {
      const { etag, body } = await read(bucket, target);
      const isOwn = body?.kind === "lease" && body.owner === owner;
      return isOwn ? { lease: body, version: etag! } : isDone(body);
    },
    write: ({ lease, version }) => put(bucket, target, next(lease), version),
  });
}
