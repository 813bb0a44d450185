/**
 * The Memcached adapter: entries and leases in memcached, through a memjs client of one server or many.
 *
 * An item lies under its key, after `keyPrefix`, and is the entry or, while there is none, the lease: a marker, told apart
 * by its flags. To acquire is to `ADD` the marker, and to fill is to `REPLACE` it by the value if it is still the same one
 * by its CAS, so that fills are fenced. Keys over 250 bytes, and those with spaces, control characters or Unicode, are kept
 * under a name that ends in their SHA-256.
 *
 * Time is the server's, which counts whole seconds: entries and leases live up to two seconds longer than they were told,
 * and never shorter. A lease lives 30 days at most; the end of an entry that lives longer is a date by the clock of this
 * machine. memcached doesn't tell how much of a lease is left: followers are told all of it. There is no push: they poll.
 *
 * memcached forgets what it has no room for, and everything when it is restarted: two may lead then, but only the one whose
 * lease is known can fill. A client with `failover` sends the keys of a server that is down to another, with the same
 * effect.
 *
 * @example
 * ```ts memcached
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import { Client } from "memjs";
 * import { Cache } from "cache-locking";
 * import { memcachedAdapter } from "cache-locking/memcached";
 *
 * const client = Client.create(process.env.MEMCACHED_URL!);
 * const users = Cache.make({
 *   adapter: memcachedAdapter({ client, keyPrefix: "example:" }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * assert.equal(String((await client.get("example:user:42")).value), '{"name":"Ada"}');
 *
 * await Effect.runPromise(users.delete("user:42"));
 * client.close();
 * ```
 *
 * @module
 */
import { attempt } from "../src/store/attempt.ts";
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Effect, Schedule } from "../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { isWellFormed, prefixOf } from "./kit/keys.ts";
import { sha256 } from "./kit/sha256.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import type { Acquired, LeaseOutcome, Store } from "../src/store/store.ts";

/** What a server answers, as memjs reads it. */
export interface MemcachedResponse {
  /** The [header](https://docs.memcached.org/protocols/binary/#response-header) of the answer. */
  readonly header: {
    readonly opcode: number;
    readonly status: number;
    readonly cas: Uint8Array;
  };
  /** The flags of an item. */
  readonly extras: Uint8Array;
  /** The value of an item, or an error's text. */
  readonly val: Uint8Array;
}

/**
 * The client, as [memjs](https://github.com/memcachier/memjs) 1.3 makes it, declared by what the adapter uses of it. The
 * adapter never closes it.
 */
export interface MemcachedClient {
  /** The number of the latest request. */
  readonly seq: number;
  /** Counts one more request. */
  incrSeq(): void;
  /** The server that has the key, if there is one. */
  server(key: string): object | null | undefined;
  /** Sends a request of the binary protocol to the server that has the key. */
  perform(
    key: string,
    request: Uint8Array,
    seq: number,
    callback: (error: Error | null, response: MemcachedResponse) => void,
    retries?: number,
  ): void;
}

/** The options of {@linkcode memcachedLeases}. */
export interface MemcachedLeasesOptions {
  /** The client, which stays the user's own to close. */
  readonly client: MemcachedClient;
  /** What the names of leases begin with: `'lease:'` by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode memcachedAdapter}. */
export interface MemcachedAdapterOptions {
  /** The client, which stays the user's own to close. */
  readonly client: MemcachedClient;
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
  /** What the names of items begin with: nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/**
 * Makes the store of a client; the same one for the same client and options. Throws a `TypeError` for options that can't
 * be used.
 */
export function memcachedAdapter<V = unknown>(options: MemcachedAdapterOptions): Store<V> {
  return sharedStore("memcached", options, () => makeStore(options)) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere. Throws a `TypeError` for options that can't be
 * used.
 */
export function memcachedLeases(
  { client, keyPrefix = "lease:" }: MemcachedLeasesOptions,
): LeasesHalf {
  return leasesHalf(memcachedAdapter({ client, keyPrefix }));
}

function makeStore(options: MemcachedAdapterOptions): Store<unknown> {
  const codec = codecOf(options.codec);
  const { ask, connectionTo } = lineOf(options);
  const { asHolder, remember } = holders({ ask, connectionTo });
  const bodyOf = (operation: AdapterOperation, key: string, value: unknown, ttl?: number) =>
    Effect.map(
      encode(codec, operation, key, value),
      (data): Body => ({ data, seconds: ttl === undefined ? 0 : secondsOf(ttl) }),
    );

  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
  ): Effect.Effect<Acquired<unknown>, AdapterError> => {
    const take = (opcode: number, before?: Answer) => {
      const { last, how } = (before && markerIn(before)) ?? {};
      const marker = { owner, ttl, last, how };
      return Effect.flatMap(
        ask("acquire", key, opcode, { over: before, body: markerBody(marker) }),
        (taken) => taken ? lead(marker, taken) : look(),
      );
    };
    const look = (): Effect.Effect<Acquired<unknown>, AdapterError> =>
      Effect.flatMap(ask("acquire", key, GET), (found) => {
        if (found === undefined) return take(ADD);
        const marker = markerIn(found);
        if (marker === undefined) {
          return Effect.matchEffect(decode(codec, "acquire", key, found.value), {
            onSuccess: (entry) => Effect.succeed<Acquired<unknown>>({ _tag: "Hit", entry }),
            onFailure: () => take(REPLACE, found),
          });
        }
        const { owner: holder, ttl: remaining, last, how } = marker;
        if (holder === owner) return lead(marker, found);
        if (how === "uncached" && last === waitedFor) {
          return Effect.succeed({ _tag: "Ended", outcome: how });
        }
        if (holder === undefined) return take(REPLACE, found);
        const after = afterOf(marker);
        return Effect.succeed({ _tag: "Follower", remaining, lease: holder, after });
      });
    const lead = (marker: Marker, answer: Answer) => {
      remember(key, marker, answer);
      return Effect.succeed<Acquired<unknown>>({
        _tag: "Leader",
        remaining: marker.ttl,
        after: afterOf(marker),
      });
    };
    const afterOf = ({ last, how }: Marker) =>
      how === "failed" && last === waitedFor ? how : undefined;
    // Who has waited mostly finds the marker again, or the value: then one request is enough.
    return waitedFor === undefined ? take(ADD) : look();
  };

  return {
    name: "memcached",
    get: (key) =>
      Effect.flatMap(
        ask("get", key, GET),
        (found) =>
          found === undefined || markerIn(found) !== undefined
            ? Effect.succeed(undefined)
            : decode(codec, "get", key, found.value),
      ),
    set: (key, value, ttl) =>
      Effect.flatMap(
        bodyOf("set", key, value, ttl),
        (body) => Effect.asVoid(ask("set", key, SET, { body })),
      ),
    delete: (key) => Effect.asVoid(ask("delete", key, DELETE)),
    acquire,
    renew: (key, owner, ttl) =>
      asHolder("renew", key, owner, (held, over) => {
        const marker = { ...held, ttl };
        return Effect.map(
          ask("renew", key, REPLACE, { over, body: markerBody(marker) }),
          (renewed) => {
            if (renewed !== undefined) remember(key, marker, renewed);
            return renewed;
          },
        );
      }),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        bodyOf("fill", key, value, ttl),
        (body) =>
          asHolder("fill", key, owner, (_, over) => ask("fill", key, REPLACE, { over, body })),
      ),
    release: (key, owner, outcome) =>
      Effect.asVoid(asHolder("release", key, owner, ({ ttl, last, how }, over) => {
        // memcached doesn't tell what is left of a lease: how it ended is remembered for all of its length.
        const ended = outcome === "cancelled" ? { last, how } : { last: owner, how: outcome };
        return ended.how === undefined
          ? ask("release", key, DELETE, { over })
          : ask("release", key, REPLACE, { over, body: markerBody({ ttl, ...ended }) });
      })),
  };
}

/** What a request carries besides its key. */
interface Body {
  readonly flags?: number;
  readonly seconds: number;
  readonly data: string | Uint8Array;
}

/** One version of an item. */
interface Version {
  readonly cas: Uint8Array;
  /** The connection that told it, for which alone it is good: a server that was started again counts anew. */
  readonly connection: object | undefined;
}

/** What came back. */
interface Answer extends Version {
  readonly value: Uint8Array;
  readonly flags: number;
}

interface More {
  /** The version that must be there. */
  readonly over?: Version | undefined;
  readonly body?: Body | undefined;
}

interface Sent {
  readonly response: MemcachedResponse;
  readonly connection: object | undefined;
}

/** The way to the servers. */
interface Line {
  /** Sends a request; undefined where the item is not as the request wants it: there, not there, or another, or not known to be the same. */
  readonly ask: (
    operation: AdapterOperation,
    key: string,
    opcode: number,
    more?: More,
  ) => Effect.Effect<Answer | undefined, AdapterError>;
  /** The connection that a request would take now. */
  readonly connectionTo: (key: string) => object | undefined;
}

const GET = 0x00;
const SET = 0x01;
const ADD = 0x02;
/** With a CAS it does what `SET` does, but a value that is too large leaves what is there. */
const REPLACE = 0x03;
const DELETE = 0x04;

/** For what a lost connection has taken along. memjs loses the next one, too, if that comes before it has let go of it. */
const onceMore = { times: 1, schedule: Schedule.spaced(200) };

function lineOf({ client, keyPrefix }: MemcachedAdapterOptions): Line {
  const prefix = checked(client, keyPrefix);
  const serverOf = (key: string) =>
    client.server(nameOf(prefix + key)) as Server | null | undefined;
  const connectionTo = (key: string) => serverOf(key)?._socket;
  const send = (key: string, opcode: number, more: More) =>
    new Promise<Sent>((resolve, reject) => {
      client.incrSeq();
      const seq = client.seq >>> 0;
      const name = nameOf(prefix + key);
      const server = serverOf(key);
      let connection = server?._socket;
      const answer = (error: Error | null, response: MemcachedResponse) => {
        if (!error) return resolve({ response, connection: connectionTo(key) });
        if (server) forgetReply(server, connection);
        reject(error);
      };
      // memjs must not try again by itself: it would do so even when the caller has long gone.
      client.perform(name, requestOf(opcode, seq, name, more), seq, answer, 1);
      connection = server?._socket;
    });
  const ask: Line["ask"] = (operation, key, opcode, more = {}) => {
    const failed = (reason: string) =>
      Effect.fail(new AdapterError(operation, key, undefined, { reason }));
    if (!isWellFormed(key)) return failed("UTF-8 can't carry it");
    const sending = attempt(operation, key, async () => {
      const { over } = more;
      const isLost = over !== undefined && over.connection !== connectionTo(key);
      return isLost ? undefined : await send(key, opcode, more);
    });
    return Effect.flatMap(Effect.retry(sending, onceMore), (sent) => {
      if (sent === undefined) return Effect.succeed(undefined);
      const { response, connection } = sent;
      const failure = failureOf(response);
      if (failure !== undefined) return failed(failure);
      return Effect.succeed(
        response.header.status === OK ? { ...contentOf(response), connection } : undefined,
      );
    });
  };
  return { ask, connectionTo };
}

/** What memjs has of a server: one connection, which it replaces when it is lost, and the part of a reply that has come. */
interface Server {
  readonly _socket?: { destroy(): unknown };
  responseBuffer?: Uint8Array;
}

/** memjs would take the part of a reply that a lost connection has left for the beginning of the next one's first. */
function forgetReply(server: Server, lost: Server["_socket"]): void {
  lost?.destroy();
  if (server.responseBuffer) server.responseBuffer = server.responseBuffer.subarray(0, 0);
}

function checked(client: MemcachedClient, keyPrefix: string | undefined): string {
  if (typeof client?.perform !== "function" || typeof client.incrSeq !== "function") {
    throw new TypeError(`\`client\` must be a memjs client, and is ${describe(client)}`);
  }
  return prefixOf("keyPrefix", keyPrefix);
}

/** The names that every client of memcached can use. */
const plain = /^[!-~]{1,250}$/;
const hashed = /~[0-9a-f]{64}$/;

function nameOf(key: string): string {
  if (plain.test(key) && !hashed.test(key)) return key;
  return `${key.slice(0, 185).replace(/[^!-~]/g, "_")}~${sha256(key)}`;
}

/** A request of the [binary protocol](https://docs.memcached.org/protocols/binary/). */
function requestOf(opcode: number, seq: number, name: string, { over, body }: More): Uint8Array {
  const key = bytesOf(name);
  const data = body === undefined ? [] : bytesOf(body.data);
  const extras = body === undefined ? 0 : 8;
  const request = new Uint8Array(24 + extras + key.length + data.length);
  const view = new DataView(request.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, opcode);
  view.setUint16(2, key.length);
  view.setUint8(4, extras);
  view.setUint32(8, request.length - 24);
  view.setUint32(12, seq);
  request.set(over?.cas ?? [], 16);
  if (body !== undefined) {
    view.setUint32(24, body.flags ?? 0);
    view.setUint32(28, body.seconds);
  }
  request.set(key, 24 + extras);
  request.set(data, 24 + extras + key.length);
  return request;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** The CAS is copied: what memjs gives is a part of all that it has read. */
function contentOf({ header, extras, val }: MemcachedResponse): Omit<Answer, "connection"> {
  const flags = extras.length < 4 ? 0 : new DataView(extras.buffer, extras.byteOffset).getUint32(0);
  return { value: val, flags, cas: Uint8Array.from(header.cas) };
}

const OK = 0;
const NOT_FOUND = 1;
const EXISTS = 2;
const TOO_LARGE = 3;

/** Why a request failed, but for what answers it. */
function failureOf({ header, val }: MemcachedResponse): string | undefined {
  switch (header.status) {
    case OK:
      if (header.opcode === DELETE || header.cas.some((byte) => byte !== 0)) return undefined;
      return "memcached runs with `-C`, and there are no leases without CAS";
    case NOT_FOUND:
    case EXISTS:
      return undefined;
    case TOO_LARGE:
      return "the value is larger than an item of memcached's may be (`-I`)";
    default:
      return `memcached answered ${describe(decoder.decode(val))}`;
  }
}

/** What stands for a lease, or for one that has ended: then it has no owner. */
interface Marker {
  readonly owner?: string | undefined;
  /** How long the lease lives, in milliseconds. */
  readonly ttl: number;
  /** The owner of the last lease that ended failed or uncached, and how. */
  readonly last?: string | undefined;
  readonly how?: Exclude<LeaseOutcome, "cancelled"> | undefined;
}

/** What tells a marker from an entry, whose flags are 0. */
const MARKER = 0x1ea5ed;

function markerBody(marker: Marker): Body {
  const seconds = Math.min(secondsOf(marker.ttl), MONTH);
  return { flags: MARKER, seconds, data: JSON.stringify(marker) };
}

function markerIn({ flags, value }: Answer): Marker | undefined {
  if (flags !== MARKER) return undefined;
  try {
    const marker = JSON.parse(decoder.decode(value));
    return marker?.ttl > 0 ? marker : undefined;
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

/** How many markers are remembered at most for one connection; what is forgotten costs a look. */
const MOST_REMEMBERED = 10_000;

/** Deals with the markers of owners. */
function holders({ ask, connectionTo }: Line) {
  const known = new WeakMap<object, Map<string, readonly [Marker, Version]>>();

  const remember = (key: string, marker: Marker, { cas, connection }: Version) => {
    if (connection === undefined) return;
    const markers = known.get(connection) ?? new Map();
    if (markers.size === MOST_REMEMBERED) markers.clear();
    known.set(connection, markers.set(`${key} ${marker.owner}`, [marker, { cas, connection }]));
  };
  const recall = (key: string, owner: string) => {
    const connection = connectionTo(key);
    const markers = connection && known.get(connection);
    const found = markers?.get(`${key} ${owner}`);
    markers?.delete(`${key} ${owner}`);
    return found;
  };

  /** Does something to the owner's marker if it is there; false if not. `act` answers with undefined if it was another. */
  const asHolder = (
    operation: AdapterOperation,
    key: string,
    owner: string,
    act: (marker: Marker, over: Version) => Effect.Effect<Answer | undefined, AdapterError>,
  ): Effect.Effect<boolean, AdapterError> => {
    const look = (): Effect.Effect<boolean, AdapterError> =>
      Effect.flatMap(ask(operation, key, GET), (found) => {
        const marker = found && markerIn(found);
        return marker?.owner === owner ? on(marker, found!) : Effect.succeed(false);
      });
    const on = (marker: Marker, over: Version) =>
      Effect.flatMap(act(marker, over), (done) => done ? Effect.succeed(true) : look());
    return Effect.suspend(() => {
      const found = recall(key, owner);
      return found === undefined ? look() : on(...found);
    });
  };
  return { asHolder, remember };
}
