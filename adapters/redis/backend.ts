import {
  type Backend,
  type BackendOfMany,
  type LeaseEnd,
  lifeOf,
  LONGEST,
  type Row,
  type Target,
  type Wanted,
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
  /** Whether it is a client of a cluster. */
  readonly isCluster: boolean;
  /** GET, as bytes. */
  get(key: string): Promise<Uint8Array | null>;
  /** MGET, as bytes. */
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  /** PTTL, and GET right behind it in the same round trip. */
  getAged(key: string): Promise<readonly [life: unknown, value: Uint8Array | null]>;
  /** Whether a script may have keys of any names. */
  readonly many: boolean;
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
  /**
   * Opens one more connection to one server, in a cluster to any of its nodes, for channels without slots. It has ended once it
   * is lost. With `tracked` the server tells on it of changes of keys with this prefix. Undefined where the client is closed.
   */
  openLine?(
    events: LineEvents,
    tracked?: string,
  ): Promise<PushConnection | undefined> | PushConnection | undefined;
}

/** The events of a line. */
export type LineEvents = Pick<PushEvents, "message" | "ended">;

/** The same, with messages on channels. */
export interface RedisCommands extends Omit<RedisLibrary, "openPush" | "openLine"> {
  /** Messages on channels, named as the server sees them. */
  readonly push: Push;
  /** Messages on channels that are in no slot of a cluster; undefined where the client can't open such a connection. */
  readonly line: Push | undefined;
  /** The same, with the server's own messages of changes of keys with this prefix; undefined where there are none. */
  trackedLine(prefix: string): Push | undefined;
}

/** What tells of changes of a key: the name of the channel, as the server sees it, and the hash of the key. */
export type ToldBy = (key: string) => readonly [channel: string, hash: number] | readonly [];

/** Why a script has not run: the cluster is moving the slot. ioredis asks 16 times, and then may name another error. */
const MOVING = /^TRYAGAIN|Too many Cluster redirections/;

/** Whether it is because a slot is on its way to another node: meanwhile no script of two keys runs in it. */
function isMoving(error: unknown): boolean {
  return error instanceof Error && MOVING.test(error.message);
}

/** The scripts that need the lease alone: with one key, they run while its slot is being moved, too. */
const ofLeases: ReadonlySet<RedisScript> = new Set(["renew", "release", "announce"] as const);

/** Redis, by its commands; `keysOf` names the two keys of an entry. */
export function redisBackend(
  { get, getMany, getAged, run, many }: RedisCommands,
  keysOf: (entry: string) => readonly [lease: string, entry: string],
  toldBy: ToldBy,
): Backend<Found> {
  const ask = (script: RedisScript, target: Target, ...args: RedisArgument[]) => {
    const keys = keysOf(target.name).slice(0, ofLeases.has(script) ? 1 : 2);
    return retry(target, () => run(script, keys, args), { again: isMoving, most: Infinity });
  };
  const readAged = async (name: string) => {
    const [life, data] = await getAged(name);
    return data === null ? undefined : entryOf(data, life);
  };
  const toTake = ({ owner, ttl, waitedFor = "", freshBelow, backOff, ignored }: Wanted<Found>) => {
    const unreadable = ignored === undefined ? [] : [ignored.stored!];
    const below = Math.min(freshBelow, Number.MAX_VALUE);
    return [owner, millis(ttl), waitedFor, below, backOff ? 1 : 0, ...unreadable];
  };
  const toRenew = ({ owner, ttl }: Owned & { readonly ttl: number }) => [owner, millis(ttl)];
  const toFill = ({ owner, ...written }: Written & Owned, { key }: Target) => [
    owner,
    toStored(written),
    expiry(written),
    ...toldBy(key),
  ];
  const toRelease = ({ owner, outcome, failure }: LeaseEnd) =>
    failure ? [owner, outcome, failure.failures, millis(failure.quietFor)] : [owner, outcome];
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
    take: async (target, wanted) => rowOf(await ask("acquire", target, ...toTake(wanted))),
    renew: async (target, lease) => isOne(await ask("renew", target, ...toRenew(lease))),
    fill: async (target, filled) => isOne(await ask("fill", target, ...toFill(filled, target))),
    release: (target, end) => ask("release", target, ...toRelease(end)),
    announce: (asked) =>
      Promise.all(asked.map(([target, { owner, topic }]) => ask("announce", target, owner, topic))),
    write: (target, written) =>
      ask("set", target, toStored(written), expiry(written), ...toldBy(target.key)),
    expire: (target) => ask("expire", target, ...toldBy(target.key)),
    remove: (target) => ask("delete", target, ...toldBy(target.key)),
    ...many && manyOf(),
  };

  function manyOf(): BackendOfMany<Found> {
    const askAll = <Asked>(
      script: RedisScript,
      asked: readonly (readonly [Target, Asked])[],
      nameOf: (name: string) => readonly string[],
      toSend: (asked: Asked, target: Target) => readonly RedisArgument[],
    ) => {
      const keys: string[] = [];
      const args: RedisArgument[] = [];
      for (const [target, each] of asked) {
        const sent = toSend(each, target);
        keys.push(...nameOf(target.name));
        args.push(sent.length, ...sent);
      }
      return run(script, keys, args) as Promise<readonly unknown[]>;
    };
    /** Whether MGET would have told most of what was read last, and none of it may be stale: then it is asked first. */
    let isPlain = false;
    const leaseOf = (name: string) => keysOf(name).slice(0, 1);
    return {
      async readMany(asked) {
        const names = asked.map(([{ name }]) => name);
        const aged = asked.some(([, aged]) => aged);
        // MGET takes the server half as long, but tells neither an age nor what is missing from what is no entry.
        const found = aged || !isPlain ? [] : await getMany(names);
        const isRead = (_: unknown, at: number) => found[at] && !isMarked(found[at]);
        if (names.every(isRead)) return found.map((data) => ({ data }));
        const rest = names.filter((name, at) => !isRead(name, at));
        const answers = await run("getMany", rest, [aged ? 1 : 0]) as unknown[];
        const missing = answers.length === 0 ? rest : answers.filter((answer) => answer === null);
        isPlain = !answers.some(Array.isArray) && missing.length * 2 < names.length;
        let next = 0;
        return names.map((name, at) =>
          isRead(name, at) ? { data: found[at] } : rowRead(answers[next++])
        );
      },
      takeMany: async (asked) => (await askAll("acquireMany", asked, keysOf, toTake)).map(rowOf),
      renewMany: async (asked) => (await askAll("renewMany", asked, leaseOf, toRenew)).map(isOne),
      fillMany: async (asked) => (await askAll("fillMany", asked, keysOf, toFill)).map(isOne),
      releaseMany: (asked) => askAll("releaseMany", asked, leaseOf, toRelease),
    };
  }
}

/** Who holds a lease. */
interface Owned {
  readonly owner: string;
}

/** An owner may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** An entry as the server has it, too. */
interface Found extends Row {
  readonly stored?: Uint8Array;
}

/** What the script that reads many entries has of one: nothing, its value, or its life and its value. */
function rowRead(answer: unknown): Row | undefined {
  if (answer === null || answer === undefined) return undefined;
  if (answer instanceof Uint8Array) return { data: answer };
  const [life, stored] = answer as [unknown, Uint8Array];
  return entryOf(stored, life);
}

function rowOf(reply: unknown): Found {
  const [stored, life, ...lease] = reply as [Uint8Array | null, unknown, ...unknown[]];
  const entry = stored === null ? {} : entryOf(stored, life);
  if (lease.length === 0) return entry;
  const [owner, remaining, lastOwner, outcome, replaced, failures, quietFor, watched] = lease
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
    watched: isOne(watched),
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

/** How long an entry is there; nothing for one that is there for good. */
function expiry(written: Written): number | "" {
  const ttl = lifeOf(written);
  return ttl === undefined ? "" : millis(ttl);
}
