import { monotonicMillis } from "../../src/effect/clock.ts";
import { carriedOn } from "./finish_anyway.ts";
import { type Codec, codecOf, decode, encode } from "../../src/store/codec.ts";
import { describe } from "../../src/model/describe.ts";
import { Effect } from "../../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../../src/model/errors.ts";
import { isWellFormed, wellFormed } from "./keys.ts";
import { patiently } from "./request_order.ts";
import { type EntryBody, fromBytes, type LeaseBody, toBytes } from "./object_format.ts";
import { objectName } from "./object_name.ts";
import type { Objects } from "./objects.ts";
import { makeSightings } from "./lease_observer.ts";
import type { Acquired, Store } from "../../src/store/store.ts";

/** What an object store is made of. */
export interface ObjectStoreOptions {
  /** The backend's name. */
  readonly name: string;
  readonly objects: Objects;
  /** What the names of its objects begin with; nothing by default. */
  readonly keyPrefix?: string | undefined;
  /** How values become bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}

/** An object that is there. */
interface Found {
  readonly etag: string;
  /** What it holds; undefined if this library can't have written it. */
  readonly body: EntryBody | LeaseBody | undefined;
  /** How long ago it was written, by the server's clock, in milliseconds. */
  readonly age: number;
}

/** A lease that this process wrote, and its version. */
interface Holding {
  readonly etag: string;
  readonly lease: LeaseBody;
}

/** With it, no name is longer than 1,024 bytes. */
const LONGEST_PREFIX = 250;
/** How many times a write is tried while others write the same object. */
const MOST_TRIES = 10;
/** By how much the age of a lease may be wrong, in milliseconds: a second by the one date, and two by the other. */
const MARGIN = 3000;
const BUSY = `others wrote it during each of ${MOST_TRIES} tries`;
/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

const IGNORED =
  "the server ignores the conditions of writes, without which nobody can hold a lease";

/**
 * Makes a store of one object per key, which holds a value or a lease, so that a fill is one conditional write over the
 * lease's last version, and fenced.
 *
 * A lease is over for those who have seen one version of it stay for as long as it lives, by their own monotonic clock, or
 * if it was written longer ago by the server's clock. How old an entry is, is the server's to tell. What a lost reply
 * leaves open, the owner's token in the object says.
 */
export function makeObjectStore(
  { name, objects, keyPrefix = "", codec: chosen }: ObjectStoreOptions,
): Store<unknown> {
  if (
    typeof keyPrefix !== "string" || !isWellFormed(keyPrefix) || keyPrefix.length > LONGEST_PREFIX
  ) {
    throw new TypeError(
      `\`keyPrefix\` must be a string of at most ${LONGEST_PREFIX} characters, and is ${
        describe(keyPrefix)
      }`,
    );
  }
  const codec = codecOf(chosen);
  /** The leases of this process's owners: what is there, or will be there once a write is answered. */
  const holdings = new Map<string, { ttl: number; written: Promise<Holding | undefined> }>();
  const sightings = makeSightings();
  let conditional: Objects["conditional"] | "ignored" = objects.conditional;

  /** Asks for the object of a key. */
  const run = <A>(
    operation: AdapterOperation,
    key: string,
    ask: (object: string, signal: AbortSignal) => Promise<A>,
  ): Effect.Effect<A, AdapterError> =>
    wellFormed(operation, key, () =>
      Effect.tryPromise({
        try: (signal) => ask(objectName(keyPrefix, key), signal),
        catch: (error) => new AdapterError(operation, key, error),
      }));

  const look = (operation: AdapterOperation, key: string) =>
    run(operation, key, async (object, signal): Promise<Found | undefined> => {
      const stored = await objects.get(object, signal);
      if (stored === undefined) return undefined;
      const body = fromBytes(stored.body);
      // What the writer knew of the server's clock is believed as far as the server's own date leaves it open.
      const latest = stored.written + objects.resolution - 1;
      const written = Math.min(Math.max(body?.at ?? latest, stored.written), latest);
      return { etag: stored.etag, body, age: objects.now() - written };
    });

  const put = (
    operation: AdapterOperation,
    key: string,
    body: EntryBody | LeaseBody,
    over?: string | null,
  ) =>
    run(operation, key, (object, signal) => objects.put(object, toBytes(body), { over, signal }));

  /** Writes the owner's lease. Whoever asks for it next waits for the answer, even if nobody else does. */
  const hold = (
    operation: AdapterOperation,
    key: string,
    lease: LeaseBody & { readonly owner: string },
    over: string | null,
  ) =>
    run(operation, key, (object, unwanted) => {
      const write = (signal: AbortSignal) => objects.put(object, toBytes(lease), { over, signal });
      const writing = operation === "acquire"
        ? patiently(lease.ttl, unwanted, write)
        : write(unwanted);
      const written = writing.then((etag) => etag === undefined ? undefined : { etag, lease })
        .catch(() => undefined);
      holdings.set(idOf(key, lease.owner), { ttl: lease.ttl, written });
      return writing;
    });

  const takeHolding = (key: string, owner: string) =>
    Effect.promise(async () => {
      const holding = holdings.get(idOf(key, owner));
      holdings.delete(idOf(key, owner));
      return await holding?.written;
    });

  /** Writes over the lease of an owner, and over nothing else; `filled` where its value is already there. */
  const overwrite = (
    operation: "renew" | "fill" | "release",
    key: string,
    owner: string,
    next: (lease: LeaseBody) => EntryBody | LeaseBody,
  ): Effect.Effect<"written" | "filled" | "lost", AdapterError> =>
    Effect.gen(function* () {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        let holding = yield* takeHolding(key, owner);
        if (holding === undefined) {
          const found = yield* look(operation, key);
          if (found?.body?.kind === "entry" && found.body.by === owner) return "filled";
          if (found?.body?.kind !== "lease" || found.body.owner !== owner) return "lost";
          holding = { etag: found.etag, lease: found.body };
        }
        const body = next(holding.lease);
        const written = yield* isHeld(body)
          ? hold(operation, key, body, holding.etag)
          : put(operation, key, body, holding.etag);
        if (written !== undefined) return "written";
      }
      return yield* failed(operation, key, BUSY);
    });

  /** How much longer a lease, or the memory of its end, lives for those who have seen it since, in milliseconds. */
  const remainingOf = (
    key: string,
    { etag, age }: Found,
    { ttl, owner }: LeaseBody,
    seen: number,
  ) =>
    Math.min(
      sightings.remaining(key, { version: etag, ttl }, seen),
      ttl - age + (owner === undefined ? 0 : MARGIN),
    );

  /** Finds out, by the first lease, whether conditions are heeded: two writes that must be refused may not be made. */
  const prove = (key: string, owner: string) =>
    run("acquire", key, async (object, signal) => {
      if (conditional === "known") return;
      // It holds no lease, in case somebody has just deleted the object and the write on nothing is made.
      const body = toBytes({ kind: "lease", ttl: 0, at: objects.now() });
      const onNothing = () => objects.put(object, body, { over: null, signal });
      const overAnother = objects.put(object, body, { over: NO_ETAG, signal });
      const made = await Promise.all([overAnother, onNothing()]);
      if (made[0] === undefined && (made[1] === undefined || await onNothing() === undefined)) {
        conditional = "known";
        return;
      }
      conditional = "ignored";
      holdings.delete(idOf(key, owner));
      await objects.delete(object, signal);
      throw new Error(IGNORED);
    });

  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
  ): Effect.Effect<Acquired<unknown>, AdapterError> =>
    Effect.gen(function* () {
      if (conditional === "ignored") return yield* failed("acquire", key, IGNORED);
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const asked = yield* now;
        const found = yield* look("acquire", key);
        if (found?.body?.kind === "entry" && isFresh(found.body, found.age)) {
          const read = decode(codec, "acquire", key, found.body.data);
          const entry = yield* Effect.match(read, { onSuccess: same, onFailure: nothing });
          if (entry !== undefined) return { _tag: "Hit", entry };
        }

        const lease = found?.body?.kind === "lease" ? found.body : undefined;
        if (found && lease && sightings.overtaken(key, found.etag, asked)) continue;
        const remaining = found && lease ? remainingOf(key, found, lease, yield* now) : 0;
        const live = remaining > 0 ? lease : undefined;
        const last = live?.last;
        const outcome = last?.lease === waitedFor ? last?.outcome : undefined;
        const after = outcome === "failed" ? outcome : undefined;

        if (found && live?.owner === owner) {
          const written = Promise.resolve({ etag: found.etag, lease: live });
          holdings.set(idOf(key, owner), { ttl: live.ttl, written });
          yield* prove(key, owner);
          return { _tag: "Leader", remaining, after };
        }
        if (outcome === "uncached") return { _tag: "Ended", outcome };
        if (live?.owner !== undefined) {
          return { _tag: "Follower", remaining, lease: live.owner, after };
        }

        const own = { kind: "lease", owner, ttl, at: objects.now(), last } as const;
        const version = yield* hold("acquire", key, own, found?.etag ?? null);
        if (version !== undefined) {
          // An answer of before, which is still under way, must not pass for a newer one.
          if (found !== undefined) sightings.remaining(key, { version, ttl }, yield* now);
          yield* prove(key, owner);
          return { _tag: "Leader", remaining: ttl, after };
        }
        holdings.delete(idOf(key, owner));
      }
      return yield* failed("acquire", key, BUSY);
    });

  const encoded = (operation: AdapterOperation, key: string, value: unknown) =>
    Effect.map(
      encode(codec, operation, key, value),
      (data) => typeof data === "string" ? utf8.encode(data) : data,
    );

  return {
    name,
    get: (key) =>
      Effect.flatMap(look("get", key), (found) => {
        if (found === undefined || found.body?.kind === "lease") return Effect.succeed(undefined);
        if (found.body === undefined) {
          return failed("get", key, "what is stored is nothing of this library's", true);
        }
        return isFresh(found.body, found.age)
          ? decode(codec, "get", key, found.body.data)
          : Effect.succeed(undefined);
      }),
    set: (key, value, ttl) =>
      Effect.flatMap(
        encoded("set", key, value),
        (data) => Effect.asVoid(put("set", key, { kind: "entry", ttl, at: objects.now(), data })),
      ),
    delete: (key) =>
      Effect.asVoid(run("delete", key, (object, signal) => objects.delete(object, signal))),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor),
    renew: (key, owner, ttl) =>
      Effect.map(
        overwrite("renew", key, owner, (lease) => ({ ...lease, ttl, at: objects.now() })),
        (how) => how === "written",
      ),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(encoded("fill", key, value), (data) => {
        const entry = () => ({ kind: "entry", by: owner, ttl, at: objects.now(), data }) as const;
        return Effect.map(overwrite("fill", key, owner, entry), (how) => how !== "lost");
      }),
    release: (key, owner, outcome) =>
      Effect.suspend(() => {
        const ending = overwrite("release", key, owner, ({ ttl, at, last }) => ({
          kind: "lease",
          ttl: at + ttl - objects.now(),
          at: objects.now(),
          last: outcome === "cancelled" ? last : { lease: owner, outcome },
        }));
        // The lease may still be on its way.
        const { ttl: patience = 0 } = holdings.get(idOf(key, owner)) ?? {};
        return Effect.asVoid(carriedOn("release", key, ending, { patience }));
      }),
  };
}

const utf8 = new TextEncoder();

const now = Effect.clockWith((clock) => Effect.sync(() => monotonicMillis(clock)));

const same = <A>(value: A) => value;
const nothing = () => undefined;

function idOf(key: string, owner: string): string {
  return JSON.stringify([key, owner]);
}

function isFresh({ ttl = Infinity }: EntryBody, age: number): boolean {
  return age < ttl;
}

function isHeld(
  body: EntryBody | LeaseBody,
): body is LeaseBody & { readonly owner: string } {
  return body.kind === "lease" && body.owner !== undefined;
}

function failed(
  operation: AdapterOperation,
  key: string,
  reason: string,
  corrupt = false,
): Effect.Effect<never, AdapterError> {
  return Effect.fail(new AdapterError(operation, key, undefined, { reason, corrupt }));
}
