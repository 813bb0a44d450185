import type * as Effect from "effect/Effect";
import { l1Defaults } from "../model/defaults.ts";
import { type AdapterError, isAdapterError } from "../model/errors.ts";
import { makeEntries } from "./entries.ts";
import { isPromise } from "./is_promise.ts";
import { overheard, type Told } from "./overheard.ts";
import {
  type Acquired,
  type ChangesListener,
  type Entry,
  isFresh,
  type L1Settings,
  type OnMany,
  type Store,
} from "./store.ts";

/** What an L1 has beside its store. */
export interface L1Parts {
  /** Makes a value of the bytes of an entry; for `copy`. */
  readonly decode?: ((data: Uint8Array) => unknown) | undefined;
  /** A time in milliseconds that never goes back; this machine's by default. */
  readonly monotonic?: () => number;
  /** How old an entry may be while the store could tell of changes, and doesn't, in milliseconds; 1 second by default. */
  readonly untold?: number | undefined;
  /** After how long without a read it listens to no changes any more, in milliseconds; when nothing can be left by default. */
  readonly idle?: number | undefined;
}

/**
 * Until when an entry is fresh, as the backend said at the read, by the monotonic clock. An object for each entry would take
 * 60 bytes more.
 */
type About = number;

/** The reads of one key that are under way, and have begun since it was last changed. */
interface Reads {
  count: number;
  /** When the one began that began last of those that have an answer. */
  latest: number;
  /** Whether the key was changed since, as far as this process knows. */
  isOutdated: boolean;
}

/**
 * The same store with an L1: entries that were read are kept in this process, and found by `peek`. None is served that is
 * older than `ttl`, counted from when its read began, or no longer fresh by what the backend said at the read.
 *
 * A read puts its entry into the L1 only if the key wasn't changed since it began, by this process (`forget`) or by another
 * whose change was heard of, nor read by one that began later. So an answer that was under way for long puts no old value back.
 *
 * Where the store tells of changes, it listens from its first read on. Until that stands, it goes by time alone, as it does
 * without. While it stands, a change drops the key's entry. When it breaks, or something may have been missed, all that is kept
 * on its word is dropped, and no read that has begun before is kept on it.
 */
export function l1Store(
  store: Store<unknown>,
  { ttl, maxEntries, maxBytes, copy }: L1Settings,
  { decode, monotonic = () => performance.now(), untold = l1Defaults.ttl, idle }: L1Parts = {},
): Store<unknown> {
  const { changes } = store;
  const told = ttl ?? changes?.ttl ?? l1Defaults.toldTtl;
  const alone = ttl ?? l1Defaults.ttl;
  /** What the entry weighs that is kept now, in bytes. */
  let size = 0;
  const makeEmpty = () =>
    makeEntries<unknown, About>(maxEntries, {
      maxBytes,
      sizeOf: () => size,
      removed: changes && ((key) => {
        const hash = changes.hashOf(key);
        if (keyOf.get(hash) === key) keyOf.delete(hash);
      }),
    });
  let entries = makeEmpty();
  /** The one key of each hash whose entry may be there. */
  const keyOf = new Map<number, string>();
  /** By key, or where changes are told by the hash of it. */
  const reads = new Map<string | number, Reads>();
  const placeOf = changes === undefined ? (key: string) => key : changes.hashOf;
  const timeAt = coarse(monotonic);

  let leave: (() => void) | undefined;
  let isUntold = changes === undefined;
  /** Whether changes are told, and until when what is kept on that may be served. */
  let stands = false;
  let until = Infinity;
  /** How often some may have been missed. */
  let gaps = 0;
  let used = 0;
  const clear = () => {
    entries = makeEmpty();
    keyOf.clear();
  };
  const lapse = () => {
    if (stands) clear(); // mutate: l1 lapse
    stands = false;
    until = Infinity;
    return undefined;
  };
  const quit = () => {
    leave?.();
    leave = undefined;
    isUntold = changes === undefined;
    lapse();
  };
  const quitIfIdle = () => {
    if (used + (idle ?? told) < monotonic()) quit();
  };
  const listener: ChangesListener = {
    changed(hash) {
      outdate(hash); // mutate: l1 hears while it reads
      const key = keyOf.get(hash);
      if (key !== undefined) entries.delete(key); // mutate: l1 hears
    },
    missed() {
      gaps++; // mutate: l1 missed while it reads
      if (stands) clear(); // mutate: l1 missed
    },
    stands(time) {
      if (time === undefined) lapse();
      else {
        stands = true;
        isUntold = false;
        until = time;
      }
      quitIfIdle();
    },
    none() {
      isUntold = true;
      quitIfIdle();
    },
  };

  const keep = (key: string, began: number, isTold: boolean, { entry }: Read) => {
    entries.delete(key); // mutate: l1 gone
    if (entry === undefined) return;
    const { value, freshFor = Infinity, took, data } = entry;
    if (copy && data === undefined) return;
    const now = monotonic();
    const most = isTold ? told : isUntold ? alone : Math.min(alone, untold); // mutate: l1 untold
    const lives = began + Math.min(most, freshFor) - now; // mutate: l1 lifetime
    if (lives <= 0) return;
    size = data?.length ?? 0;
    // A client's bytes may be a part of many more.
    const kept = copy ? new Uint8Array(data!) : value;
    entries.set(key, kept, { freshFor: lives, took }, now, began + freshFor);
    if (changes === undefined || entries.about(key) === undefined) return;
    const hash = changes.hashOf(key);
    const other = keyOf.get(hash);
    if (other !== undefined) entries.delete(other); // mutate: l1 same hash
    keyOf.set(hash, key);
  };

  const begin = (key: string): Told<Read | undefined> => {
    const place = placeOf(key);
    const own = reads.get(place) ?? { count: 0, latest: -Infinity, isOutdated: false };
    own.count++;
    reads.set(place, own);
    const began = used = monotonic();
    if (changes !== undefined) leave ??= changes.listen(listener);
    const gapsBefore = gaps;
    return {
      answered(read) {
        if (read === undefined) return;
        if (own.isOutdated) return; // mutate: l1 fence
        if (began < own.latest) return; // mutate: l1 order
        own.latest = began;
        keep(key, began, stands && gaps === gapsBefore, read);
      },
      ended() {
        if (--own.count === 0 && reads.get(place) === own) reads.delete(place);
      },
    };
  };
  const reading = <A>(
    key: string,
    operation: Effect.Effect<A, AdapterError>,
    readIn: (answer: A) => Read | undefined,
  ) =>
    overheard(operation, (): Told<A> => {
      const { answered, ended } = begin(key);
      return { answered: (answer) => answered(readIn(answer)), ended };
    });
  const readingMany = <A>(
    asked: readonly (readonly [key: string, ...rest: unknown[]])[],
    operation: OnMany<A>,
    readIn: (answer: A) => Read | undefined,
  ) =>
    overheard(operation, (): Told<readonly (A | AdapterError)[]> => {
      const begun = asked.map(([key]) => begin(key));
      return {
        answered: (answers) =>
          begun.forEach(({ answered }, index) => {
            const answer = answers[index]!;
            if (!isAdapterError(answer)) answered(readIn(answer));
          }),
        ended: () => begun.forEach(({ ended }) => ended()),
      };
    });

  const forget = (key: string) => {
    entries.delete(key); // mutate: l1 forgets
    outdate(placeOf(key));
  };
  const outdate = (place: string | number) => {
    const own = reads.get(place);
    if (own === undefined) return;
    own.isOutdated = true;
    reads.delete(place);
  };

  const decoded = (key: string, data: Uint8Array): Entry<unknown> | undefined => {
    try {
      const value = decode!(data);
      if (!isPromise(value)) return { value };
      value.then(done, done);
    } catch {
      // The next read says why.
    }
    entries.delete(key);
    return undefined;
  };

  return {
    ...store,
    tier: "l1",
    peek(key, now, aged) {
      const time = timeAt(now);
      if (time > until) return lapse(); // mutate: l1 until
      const kept = entries.peek(key, time, aged);
      if (kept === undefined || !(aged || copy)) return kept;
      const found = copy ? decoded(key, kept.value as Uint8Array) : kept;
      if (found === undefined) return undefined;
      const freshUntil = entries.about(key)!;
      const freshFor = freshUntil === Infinity ? undefined : freshUntil - time; // mutate: l1 age
      return { value: found.value, freshFor, took: kept.took };
    },
    get: (key) => reading(key, store.get(key, true), readOf),
    ...store.getMany && {
      getMany: (asked) =>
        readingMany(asked, store.getMany!(asked.map(([key]) => [key, true])), readOf),
    },
    acquire: (key, owner, ttl, options) =>
      reading(key, store.acquire(key, owner, ttl, options), readBy),
    ...store.acquireMany && {
      acquireMany: (asked) => readingMany(asked, store.acquireMany!(asked), readBy),
    },
    forget,
    closeIdle() {
      quit();
      store.closeIdle?.();
    },
  };
}

/** What is known of the entry now. */
interface Read {
  readonly entry: Entry<unknown> | undefined;
}

function readOf(entry: Entry<unknown> | undefined): Read {
  return { entry };
}

/** What an acquire tells of the entry, if that is news: one that is to be refreshed stays as it is. */
function readBy(acquired: Acquired<unknown>): Read | undefined {
  if (acquired._tag === "Hit") return acquired;
  const isThere = acquired._tag === "Ended" ||
    (acquired.entry !== undefined && isFresh(acquired.entry));
  return isThere ? undefined : { entry: undefined };
}

function done(): void {}

/** For how long the wall clock is believed, in milliseconds. */
const COARSE = 5;

/**
 * A monotonic time at a time of the wall clock, which costs less to read: the monotonic clock is asked again wherever the
 * other has moved on by 5 ms, or back. It may be early by 1 ms. A wall clock that is set back to where this was asked last
 * stands still here for those 5 ms.
 */
function coarse(monotonic: () => number): (wall: number) => number {
  let asked = -Infinity;
  let time = 0;
  return (wall) => {
    const since = wall - asked;
    if (since >= 0 && since < COARSE) return time + since + 1; // mutate: l1 clock
    asked = wall;
    return time = monotonic();
  };
}
