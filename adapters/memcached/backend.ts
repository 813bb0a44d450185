import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import type {
  Backend,
  LeaseEnd,
  RememberedOutcome,
  Row,
  Target,
  Wanted,
  Written,
} from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { type LeaseObserver, makeLeaseObserver } from "../kit/lease_observer.ts";
import { takeInSteps } from "../kit/take_in_steps.ts";
import { makeOwnLeases, type OwnLeases } from "../kit/own_leases.ts";
import { Contention, retry } from "../kit/retry.ts";
import { sha256 } from "../kit/sha256.ts";

const GET = 0x00;
const SET = 0x01;
const ADD = 0x02;
/** With a CAS it does what `SET` does, but a value that is too large leaves what is there. */
const REPLACE = 0x03;
export const DELETE = 0x04;

/** One version of an item. */
export interface MemcachedVersion {
  /** Its number. */
  readonly cas: Uint8Array;
  /** The connection that told it, for which alone it is good: a server that was started again counts anew. */
  readonly connection: object | undefined;
}

/** What came back. */
export interface MemcachedAnswer extends MemcachedVersion {
  /** The value of an item. */
  readonly value: Uint8Array;
  /** The flags, which tell a marker. */
  readonly flags: number;
}

/** A request, but for the name that it is about. */
export interface MemcachedRequest {
  /** The [command](https://docs.memcached.org/protocols/binary/#command-opcodes). */
  readonly opcode: number;
  /** The version that must be there. */
  readonly over?: MemcachedVersion | undefined;
  /** The value that is to be stored. */
  readonly data?: string | Uint8Array;
  /** The flags of its item; 0 by default. */
  readonly flags?: number;
  /** Its time to live, or the date of its end; 0, the default, is no end. */
  readonly seconds?: number;
}

/** What the adapter asks of a client, whichever library made it: each has a file of its own that says how. */
export interface MemcachedCommands {
  /**
   * Sends a request; undefined where the item is not as the request wants it: there, not there, or another, or not known to
   * be the same. A request that was lost with its connection is sent once more.
   */
  ask(target: Target, request: MemcachedRequest): Promise<MemcachedAnswer | undefined>;
  /** The time of the server that has the item, in epoch milliseconds. */
  now(target: Target): Promise<number>;
}

/** What an item holds in place of a plain entry: a lease, or one that has ended, an entry, or both. Times are milliseconds. */
interface Marker {
  /** Who holds the lease. */
  readonly owner?: string | undefined;
  /** The length of the lease, or of the memory of its end. */
  readonly ttl: number;
  /** The owner of the last lease that ended failed or uncached, and how. */
  readonly last?: string | undefined;
  readonly how?: RememberedOutcome | undefined;
  /** How many fetches have failed in a row, and for how long nobody is to fetch. */
  readonly failures?: number | undefined;
  readonly quietFor?: number | undefined;
  /** When it was written, by the server's clock, since 1970; only where there is an age to be told. */
  readonly at?: number | undefined;
  /** The entry, whose value is `data`. */
  readonly entry?: Kept | undefined;
  readonly data?: Uint8Array | undefined;
}

/** How an entry is kept, in milliseconds. */
interface Kept {
  /** For how long it is fresh; without it, for good. */
  readonly freshFor?: number | undefined;
  /** For how long it is stale then. */
  readonly staleFor?: number | undefined;
  readonly took?: number | undefined;
  /** How old it was when the marker was written. */
  readonly age: number;
}

/** An item, or that there is none. */
interface Found extends Row {
  readonly version?: MemcachedVersion | undefined;
  readonly marker?: Marker | undefined;
  /** How old the marker is. */
  readonly age?: number;
}

/** What the functions of one store have in common. */
interface Items extends MemcachedCommands {
  readonly ownLeases: OwnLeases<Marker, MemcachedVersion>;
  readonly observer: LeaseObserver;
}

/** memcached, by its requests: one item for each name, which is a plain entry or a marker. */
export function memcachedBackend({ ask, now }: MemcachedCommands): Backend<Found> {
  const items: Items = { ask, now, ownLeases: makeOwnLeases(), observer: makeLeaseObserver() };
  return {
    read: (target) => look(items, target),
    take: (target, wanted) => take(items, target, wanted),
    renew: (target, { owner, ttl }) =>
      overwrite(
        items,
        target,
        owner,
        async (held, over) =>
          mark(items, target, { ...await rewritten(items, target, held), ttl }, over),
      ),
    async fill(target, { owner, ...written }) {
      const entry = await storedOf(items, target, written);
      // A request is sent again where no reply came: then this very value is there, fresh, and no lease.
      const isFilled = ({ data: there, freshFor = 1, marker }: Found) =>
        marker?.owner === undefined && freshFor! > 0 &&
        there instanceof Uint8Array && isSame(there, written.data);
      const fill: Write = (_, over) => ask(target, { opcode: REPLACE, over, ...entry });
      return await overwrite(items, target, owner, fill, isFilled);
    },
    release: (target, end) =>
      overwrite(items, target, end.owner, async (held, over) => {
        const left = await ended(items, target, held, end);
        return left === undefined
          ? ask(target, { opcode: DELETE, over })
          : mark(items, target, left, over);
      }),
    write: async (target, written) =>
      ask(target, { opcode: SET, ...await storedOf(items, target, written) }),
    expire: (target) => expire(items, target),
    remove: (target) => ask(target, { opcode: DELETE }),
  };
}

async function look(items: Items, target: Target): Promise<Found> {
  const version = await items.ask(target, { opcode: GET });
  if (version === undefined) return {};
  if (version.flags !== MARKER) return { data: version.value, version };
  const marker = markerIn(version.value);
  // What can't be read is no lease, and no entry either.
  if (marker === undefined) return { data: null, version };
  const age = marker.at === undefined ? 0 : Math.max(0, await items.now(target) - marker.at);
  return rowOf(marker, age, version);
}

/** By how much an age may be wrong, in milliseconds: a server tells its time in whole seconds, and they may be over. */
const MARGIN = 3000;

/**
 * The same, without a lease that is over for this process. The server ends a marker without an entry, but for one that was
 * stored for good; any other is over once it was seen unchanged for its length, or is older by the server's clock.
 */
async function lookAt(items: Items, target: Target): Promise<Found> {
  const found = await look(items, target);
  const { marker, version, age = 0 } = found;
  if (marker === undefined || version === undefined) return found;
  const { ttl, owner, at } = marker;
  const length = at === undefined ? 1000 * secondsOf(ttl) : ttl;
  const observed = { version: hexOf(version.cas), ttl: length };
  const seen = items.observer.remaining(target.key, observed, performance.now());
  const remaining = Math.min(
    seen,
    at === undefined ? ttl : ttl - age + (owner === undefined ? 0 : MARGIN),
  );
  if (seen > 0 && remaining > 0 && ttl <= LONGEST_LEASE) return { ...found, remaining };
  const { data, freshFor, took } = found;
  return { data, freshFor, took, version, marker, age };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function rowOf(marker: Marker, age: number, version?: MemcachedVersion): Found {
  const { owner, ttl, last, how, failures, quietFor = 0, entry, data } = marker;
  const lease = { owner, remaining: ttl, lastOwner: last, outcome: how, failures };
  const row = { ...lease, quietFor: quietFor - age, version, marker, age };
  if (entry === undefined) return row;
  const freshFor = entry.freshFor === undefined ? undefined : entry.freshFor - entry.age - age;
  const isOver = freshFor !== undefined && freshFor + (entry.staleFor ?? 0) <= 0;
  return isOver ? row : { ...row, data, freshFor, took: entry.took };
}

/** Adds the marker, or looks, and replaces what it finds if nothing there is in the way. */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { owner, ttl, waitedFor, ignored } = wanted;
  const put = async (found: Found = {}) => {
    const { version, lastOwner: last, outcome, failures } = found;
    const lease = { owner, ttl, last: last ?? undefined, how: outcome ?? undefined };
    const taken: Marker = {
      ...lease,
      failures: failures ?? undefined,
      ...found !== ignored && await kept(items, target, found, ttl),
    };
    return await mark(items, target, taken, version) && rowOf(taken, 0);
  };
  // Who has waited mostly finds the marker again, or the value: then one request is enough.
  let isUnseen = waitedFor === undefined && ignored === undefined;
  return takeInSteps(target, wanted, {
    async look() {
      const added = isUnseen ? await put() : undefined;
      isUnseen = false;
      if (added !== undefined) return added;
      const found = await lookAt(items, target);
      const { marker, version } = found;
      if (marker?.owner === owner) {
        items.ownLeases.note(target.key, marker, Promise.resolve(version));
      }
      return found;
    },
    put,
  });
}

/** The entry that was found, for the marker that is written now in its place. */
async function kept(
  { now }: Items,
  target: Target,
  { data, marker, age = 0 }: Found,
  ttl: number,
): Promise<Partial<Marker>> {
  if (!(data instanceof Uint8Array)) return {};
  const at = await now(target);
  // memcached doesn't tell how long a plain entry has left: it is kept for the length of the lease.
  const { entry = { freshFor: ttl, age: 0 } } = marker ?? {};
  const aged = marker === undefined ? entry : { ...entry, age: entry.age + age };
  return { at, entry: aged, data };
}

/** A marker that is written anew, beside an entry that is older by now. */
async function rewritten({ now }: Items, target: Target, marker: Marker): Promise<Marker> {
  if (marker.at === undefined || marker.entry === undefined) return marker;
  const at = await now(target);
  const age = marker.entry.age + Math.max(0, at - marker.at);
  return { ...marker, at, entry: { ...marker.entry, age } };
}

/** What is left of a lease that has ended; undefined for nothing. */
async function ended(
  items: Items,
  target: Target,
  held: Marker,
  { owner, outcome, failure }: LeaseEnd,
): Promise<Marker | undefined> {
  const { entry, data, ...before } = await rewritten(items, target, held);
  // memcached doesn't tell what is left of a lease: how it ended is remembered for all of its length.
  const { ttl, last, how } = before;
  const news = outcome === "cancelled" ? { last, how } : { last: owner, how: outcome };
  const quietFor = failure?.quietFor;
  const left: Marker = {
    ...news,
    ttl: quietFor === undefined ? ttl : Math.max(ttl, quietFor + FAILURES_REMEMBERED),
    failures: failure?.failures ?? (outcome === "uncached" ? undefined : before.failures),
    quietFor,
    at: quietFor === undefined ? before.at : await items.now(target),
    entry,
    data,
  };
  return left.how === undefined && entry === undefined && left.failures === undefined
    ? undefined
    : left;
}

/** Ends the time in which the entry is fresh, and the lease: removes what has no stale time. */
function expire(items: Items, target: Target): Promise<void> {
  return retry(target, async () => {
    const { data, marker, freshFor, version, age = 0 } = await look(items, target);
    if (version === undefined) return;
    if (data === undefined || marker?.entry?.staleFor === undefined) {
      return void await items.ask(target, { opcode: DELETE });
    }
    const { entry } = marker;
    const isFresh = (freshFor ?? 1) > 0;
    const stale: Marker = {
      ttl: 0,
      at: await items.now(target),
      entry: isFresh ? { ...entry, freshFor: 0, age: 0 } : { ...entry, age: entry.age + age },
      data: marker.data,
    };
    if (await mark(items, target, stale, version) === undefined) throw new Contention();
  });
}

/** Writes a marker where there is nothing, or over a version; undefined where there is anything else. */
function mark(
  { ask, ownLeases }: Items,
  target: Target,
  marker: Marker,
  over: MemcachedVersion | undefined,
): Promise<MemcachedVersion | undefined> {
  const opcode = over === undefined ? ADD : REPLACE;
  const written = ask(target, { opcode, over, ...itemOf(marker) });
  if (marker.owner !== undefined) ownLeases.note(target.key, marker, written);
  return written;
}

type Write = (marker: Marker, over: MemcachedVersion) => Promise<unknown>;

/** Writes over the marker of an owner, and over nothing else; false if it is lost, unless what is there `isDone` already. */
function overwrite(
  items: Items,
  target: Target,
  owner: string,
  write: Write,
  isDone: (found: Found) => boolean = () => false,
): Promise<boolean> {
  return items.ownLeases.overwrite(target, owner, {
    async find() {
      const found = await look(items, target);
      const { marker, version } = found;
      return marker?.owner === owner ? { lease: marker, version: version! } : isDone(found);
    },
    write: ({ lease, version }) => write(lease, version),
  });
}

function isSame(bytes: Uint8Array, data: string | Uint8Array): boolean {
  const other = bytesOf(data);
  return bytes.length === other.length && bytes.every((byte, at) => byte === other[at]);
}

type Stored = Omit<MemcachedRequest, "opcode" | "over">;

/** An entry as an item: the value alone, or in a marker if there is an age to be told. */
async function storedOf({ now }: Items, target: Target, written: Written): Promise<Stored> {
  const { data, freshFor, staleFor, took } = written;
  if (staleFor === undefined && took === undefined) {
    return { data, seconds: freshFor === undefined ? 0 : secondsOf(freshFor) };
  }
  const entry = { freshFor, staleFor, took, age: 0 };
  return itemOf({ ttl: 0, at: await now(target), entry, data: bytesOf(data) });
}

/** What tells a marker from a plain entry, whose flags are 0. */
const MARKER = 0x1ea5ed;

/** A marker is a line of JSON, and the value of its entry. It is there for as long as its lease, and its entry. */
function itemOf({ data, ...head }: Marker): Stored {
  const { ttl, entry } = head;
  if (entry === undefined) {
    return { data: JSON.stringify(head), flags: MARKER, seconds: Math.min(secondsOf(ttl), MONTH) };
  }
  const line = bytesOf(`${JSON.stringify(head)}\n`);
  const all = new Uint8Array(line.length + data!.length);
  all.set(line);
  all.set(data!, line.length);
  const { freshFor, staleFor = 0, age } = entry;
  const seconds = freshFor === undefined
    ? 0
    : secondsOf(Math.max(freshFor + staleFor - age, ttl, 0));
  return { data: all, flags: MARKER, seconds };
}

/** Reads a marker; undefined for what can't be one. */
function markerIn(value: Uint8Array): Marker | undefined {
  const end = value.indexOf(10);
  try {
    const head = JSON.parse(new TextDecoder().decode(end < 0 ? value : value.subarray(0, end)));
    const { owner, ttl, at, entry, failures, quietFor, ...last } = head;
    const isMarker = ["string", "undefined"].includes(typeof owner) && typeof ttl === "number";
    const isEntry = end >= 0 && typeof at === "number" && isKept(entry);
    if (!isMarker || !(ttl > 0 || isEntry && owner === undefined)) return undefined;
    const times = { at: numberIn(at), failures: numberIn(failures), quietFor: numberIn(quietFor) };
    const marker: Marker = { ...last, ...times, owner, ttl };
    return isEntry ? { ...marker, entry, data: value.subarray(end + 1) } : marker;
  } catch {
    return undefined;
  }
}

function isKept(entry: unknown): entry is Kept {
  if (typeof entry !== "object" || entry === null) return false;
  const { freshFor, staleFor, took, age } = entry as Partial<Record<keyof Kept, unknown>>;
  // JSON has `1e400`, which is no number that can be written again.
  return Number.isFinite(age) &&
    [freshFor, staleFor, took].every((time) => time === undefined || Number.isFinite(time));
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

const MONTH = 30 * 24 * 60 * 60;

/**
 * A time to live in seconds, or the date of its end where that is more than
 * [30 days](https://docs.memcached.org/protocols/basic/) away. There is one second more, as the server's first may be
 * nearly over.
 */
function secondsOf(ttl: number): number {
  const seconds = Math.ceil(ttl / 1000) + 1;
  return seconds <= MONTH ? seconds : Math.min(Math.ceil(Date.now() / 1000) + seconds, 2 ** 32 - 1);
}

/** The names that every client of memcached can use. */
const plain = /^[!-~]{1,250}$/;
const hashed = /~[0-9a-f]{64}$/;

/** What an item is called: by its key, or by the beginning of it and its hash. */
export function itemName(key: string): string {
  if (plain.test(key) && !hashed.test(key)) return key;
  return `${key.slice(0, 185).replace(/[^!-~]/g, "_")}~${sha256(key)}`;
}
