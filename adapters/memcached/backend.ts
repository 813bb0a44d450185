import { LONGEST_LEASE } from "../../src/model/defaults.ts";
import type { Backend, RememberedOutcome, Row, Target, Wanted } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { type LeaseObserver, makeLeaseObserver } from "../kit/lease_observer.ts";
import { takeInSteps } from "../kit/take_in_steps.ts";
import { makeOwnLeases, type OwnLeases } from "../kit/own_leases.ts";
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

/**
 * What the adapter asks of a client, whichever library made it: each has a file of its own that says how. It sends a
 * request; undefined where the item is not as the request wants it: there, not there, or another, or not known to be the
 * same. A request that was lost with its connection is sent once more.
 */
export type MemcachedAsk = (
  target: Target,
  request: MemcachedRequest,
) => Promise<MemcachedAnswer | undefined>;

/** What an item holds in place of an entry: a lease, or one that has ended, which has no owner. */
interface Marker {
  readonly owner?: string | undefined;
  /** The length of the lease, in milliseconds. */
  readonly ttl: number;
  /** The owner of the last lease that ended failed or uncached, and how. */
  readonly last?: string | undefined;
  readonly how?: RememberedOutcome | undefined;
}

/** An item, or that there is none. */
interface Found extends Row {
  readonly version?: MemcachedVersion | undefined;
  readonly marker?: Marker | undefined;
}

/** What the functions of one store have in common. */
interface Items {
  readonly ask: MemcachedAsk;
  readonly ownLeases: OwnLeases<Marker, MemcachedVersion>;
  readonly observer: LeaseObserver;
}

/** memcached, by its requests: one item for each name, which is the entry or a marker. */
export function memcachedBackend(ask: MemcachedAsk): Backend<Found> {
  const items: Items = { ask, ownLeases: makeOwnLeases(), observer: makeLeaseObserver() };
  return {
    read: (target) => look(items, target),
    take: (target, wanted) => take(items, target, wanted),
    renew: (target, { owner, ttl }) =>
      overwrite(items, target, owner, (held, over) => mark(items, target, { ...held, ttl }, over)),
    fill(target, { owner, data, ttl }) {
      const entry = entryOf(data, ttl);
      // A request is sent again where no reply came: then this very value is there, and no marker.
      const isFilled = (there: unknown) => there instanceof Uint8Array && isSame(there, data);
      const fill: Write = (_, over) => ask(target, { opcode: REPLACE, over, ...entry });
      return overwrite(items, target, owner, fill, isFilled);
    },
    release: (target, { owner, outcome }) =>
      overwrite(items, target, owner, ({ ttl, last, how }, over) => {
        // memcached doesn't tell what is left of a lease: how it ended is remembered for all of its length.
        const ended = outcome === "cancelled" ? { last, how } : { last: owner, how: outcome };
        return ended.how === undefined
          ? ask(target, { opcode: DELETE, over })
          : mark(items, target, { ttl, ...ended }, over);
      }),
    write: (target, { data, ttl }) => ask(target, { opcode: SET, ...entryOf(data, ttl) }),
    remove: (target) => ask(target, { opcode: DELETE }),
  };
}

async function look({ ask }: Items, target: Target): Promise<Found> {
  const version = await ask(target, { opcode: GET });
  if (version === undefined) return {};
  if (version.flags !== MARKER) return { data: version.value, version };
  const marker = markerIn(version.value);
  // What can't be read is no lease, and no entry either.
  return marker === undefined ? { data: null, version } : rowOf(marker, version);
}

/**
 * The same, without what is over for this process: the server ends a marker, but for one that was stored for good, which
 * is over once it was seen unchanged for as long as the server would have kept it by what it says.
 */
async function lookAt(items: Items, target: Target): Promise<Found> {
  const found = await look(items, target);
  const { marker, version } = found;
  if (marker === undefined || version === undefined) return found;
  const { ttl } = marker;
  const observed = { version: hexOf(version.cas), ttl: 1000 * secondsOf(ttl) };
  const remaining = items.observer.remaining(target.key, observed, performance.now());
  return remaining > 0 && ttl <= LONGEST_LEASE
    ? { ...found, remaining: Math.min(remaining, ttl) }
    : { version };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function rowOf(marker: Marker, version?: MemcachedVersion): Found {
  const { owner, ttl, last, how } = marker;
  return { owner, remaining: ttl, lastOwner: last, outcome: how, version, marker };
}

/** Adds the marker, or looks, and replaces what it finds if that is no entry, no lease and no end that was waited for. */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { owner, ttl, waitedFor, ignored } = wanted;
  const put = async ({ version, marker }: Found = {}) => {
    const taken: Marker = { owner, ttl, last: marker?.last, how: marker?.how };
    return await mark(items, target, taken, version) && rowOf(taken);
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
  isDone: (data: unknown) => boolean = () => false,
): Promise<boolean> {
  return items.ownLeases.overwrite(target, owner, {
    async find() {
      const { marker, version, data } = await look(items, target);
      return marker?.owner === owner ? { lease: marker, version: version! } : isDone(data);
    },
    write: ({ lease, version }) => write(lease, version),
  });
}

function isSame(bytes: Uint8Array, data: string | Uint8Array): boolean {
  const other = bytesOf(data);
  return bytes.length === other.length && bytes.every((byte, at) => byte === other[at]);
}

type Stored = Omit<MemcachedRequest, "opcode" | "over">;

function entryOf(data: string | Uint8Array, ttl: number | undefined): Stored {
  return { data, seconds: ttl === undefined ? 0 : secondsOf(ttl) };
}

/** What tells a marker from an entry, whose flags are 0. */
const MARKER = 0x1ea5ed;

function itemOf(marker: Marker): Stored {
  const seconds = Math.min(secondsOf(marker.ttl), MONTH);
  return { data: JSON.stringify(marker), flags: MARKER, seconds };
}

/** Reads a marker; undefined for what can't be one. */
function markerIn(value: Uint8Array): Marker | undefined {
  try {
    const { owner, ttl, ...ended } = JSON.parse(new TextDecoder().decode(value));
    const isMarker = ["string", "undefined"].includes(typeof owner) && typeof ttl === "number";
    return isMarker && ttl > 0 ? { owner, ttl, ...ended } : undefined;
  } catch {
    return undefined;
  }
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
