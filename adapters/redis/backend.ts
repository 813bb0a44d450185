import {
  type Backend,
  lifeOf,
  LONGEST,
  type Row,
  type Target,
  type Written,
} from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import type { Push, PushConnection, PushEvents } from "../kit/push.ts";
import { retry } from "../kit/retry.ts";
import type { RedisScript } from "./scripts.ts";

/** An argument of a script. */
export type RedisArgument = string | number | Uint8Array;

/** What the adapter asks of a client's library: each has a file of its own that says how. */
export interface RedisLibrary {
  /** What the client puts before every name. */
  readonly keyPrefix: string;
  /** Whether one command may overtake another, as there are several connections. */
  readonly unordered: boolean;
  /** GET, as bytes. */
  get(key: string): Promise<Uint8Array | null>;
  /** PTTL, and GET right behind it in the same round trip. */
  getAged(key: string): Promise<readonly [life: unknown, value: Uint8Array | null]>;
  /** Runs a script on these keys, which answers with texts as bytes, and numbers as such or as text. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown>;
  /** Opens what subscribes to channels, named as the server sees them; undefined where the client has no such thing. */
  openPush(
    events: PushEvents,
  ): Promise<PushConnection | undefined> | PushConnection | undefined;
}

/** The same, with messages on channels. */
export interface RedisCommands extends Omit<RedisLibrary, "openPush"> {
  /** Messages on channels, named as the server sees them. */
  readonly push: Push;
}

/** Why a script has not run: the cluster is moving the slot. ioredis asks 16 times, and then may name another error. */
const MOVING = /^TRYAGAIN|Too many Cluster redirections/;

/** Whether it is because a slot is on its way to another node: meanwhile no script of two keys runs in it. */
function isMoving(error: unknown): boolean {
  return error instanceof Error && MOVING.test(error.message);
}

/** The scripts that need the lease alone: with one key, they run while its slot is being moved, too. */
const ofLeases: ReadonlySet<RedisScript> = new Set(["renew", "release"] as const);

/** Redis, by its commands; `keysOf` names the two keys of an entry. */
export function redisBackend(
  { get, getAged, run }: RedisCommands,
  keysOf: (entry: string) => readonly [lease: string, entry: string],
): Backend<Found> {
  const ask = (script: RedisScript, target: Target, ...args: RedisArgument[]) => {
    const keys = keysOf(target.name).slice(0, ofLeases.has(script) ? 1 : 2);
    return retry(target, () => run(script, keys, args), { again: isMoving, most: Infinity });
  };
  const readAged = async (name: string) => {
    const [life, data] = await getAged(name);
    return data === null ? undefined : entryOf(data, life);
  };
  return {
    // Without a function that is async, what waits weighs 400 bytes less.
    read({ name }, aged) {
      if (aged) return readAged(name);
      return get(name).then((data) => {
        if (data === null) return undefined;
        // What may be stale has to be asked for again, with its age.
        return isMarked(data) ? readAged(name) : { data };
      });
    },
    take: async (target, { owner, ttl, waitedFor = "", freshBelow, backOff, ignored }) => {
      const unreadable = ignored === undefined ? [] : [ignored.stored!];
      const below = Math.min(freshBelow, Number.MAX_VALUE);
      const asked = [owner, millis(ttl), waitedFor, below, backOff ? 1 : 0, ...unreadable];
      return rowOf(await ask("acquire", target, ...asked));
    },
    renew: async (target, { owner, ttl }) => isOne(await ask("renew", target, owner, millis(ttl))),
    fill: async (target, { owner, ...written }) =>
      isOne(await ask("fill", target, owner, toStored(written), ...expiry(written))),
    release: (target, { owner, outcome, failure }) => {
      const told = failure ? [failure.failures, millis(failure.quietFor)] : [];
      return ask("release", target, owner, outcome, ...told);
    },
    write: (target, written) => ask("set", target, toStored(written), ...expiry(written)),
    expire: (target) => ask("expire", target),
    remove: (target) => ask("delete", target),
  };
}

/** An owner may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** An entry as the server has it, too. */
interface Found extends Row {
  readonly stored?: Uint8Array;
}

function rowOf(reply: unknown): Found {
  const [stored, life, ...lease] = reply as [Uint8Array | null, unknown, ...unknown[]];
  const entry = stored === null ? {} : entryOf(stored, life);
  if (lease.length === 0) return entry;
  const [owner, remaining, lastOwner, outcome, replaced, failures, quietFor] = lease
    .map((part) => part instanceof Uint8Array ? text.decode(part) : part);
  return {
    ...entry,
    owner,
    remaining: Number(remaining),
    lastOwner,
    outcome,
    replaced: isOne(replaced),
    failures: Number(failures),
    quietFor: Number(quietFor),
  } as Found;
}

/**
 * What an entry begins with that has a stale time, or of which it is known how long its fetch took: a line that says how
 * long each is, in milliseconds. Any other entry is what the codec has made, and nothing else.
 */
const MARK = "\0cache-locking/1 ";
const marked = bytesOf(MARK);

function isMarked(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && marked.every((byte, at) => byte === bytes[at]);
}

function toStored({ data, staleFor = 0, took }: Written): string | Uint8Array {
  const isPlain = staleFor === 0 && took === undefined &&
    !(typeof data === "string" ? data.startsWith(MARK) : isMarked(data));
  if (isPlain) return data;
  const head = `${MARK}${millis(staleFor)} ${took ?? ""}\n`;
  if (typeof data === "string") return head + data;
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(bytesOf(head));
  bytes.set(data, head.length);
  return bytes;
}

/** The entry, which lives for so many milliseconds more; less than zero for one that lives for good. */
function entryOf(stored: Uint8Array, life: unknown): Found {
  const end = isMarked(stored) ? stored.indexOf(LINE_END) : -1;
  const line = text.decode(stored.subarray(MARK.length, Math.max(end, MARK.length)));
  // As the scripts read it: any other line is a stranger's.
  const [head, staleFor = 0, took] = /^(\d+) (.*)$/s.exec(line) ?? [];
  const left = Number(life);
  return {
    stored,
    data: head === undefined ? stored : stored.subarray(end + 1),
    freshFor: left < 0 ? undefined : left - Math.min(Number(staleFor), LONGEST),
    took: Number(took),
  };
}

const LINE_END = 10;

/** A client may answer with text for numbers. */
function isOne(reply: unknown): boolean {
  return Number(reply) === 1;
}

/** Redis takes whole milliseconds, from 1. */
function millis(ttl: number): number {
  return Math.min(Math.ceil(ttl), Number.MAX_SAFE_INTEGER);
}

function expiry(written: Written): number[] {
  const ttl = lifeOf(written);
  return ttl === undefined ? [] : [millis(ttl)];
}
