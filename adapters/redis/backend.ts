import type { Backend, Row, Target } from "../kit/backend.ts";
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
  { get, run }: RedisCommands,
  keysOf: (entry: string) => readonly [lease: string, entry: string],
): Backend {
  const ask = (script: RedisScript, target: Target, ...args: RedisArgument[]) => {
    const keys = keysOf(target.name).slice(0, ofLeases.has(script) ? 1 : 2);
    return retry(target, () => run(script, keys, args), { again: isMoving, most: Infinity });
  };
  return {
    // Without a function that is async, what waits weighs 400 bytes less.
    read: ({ name }) => get(name).then((data) => data === null ? undefined : { data }),
    take: async (target, { owner, ttl, waitedFor = "", ignored }) => {
      const unreadable = ignored === undefined ? [] : [ignored.data as Uint8Array];
      return rowOf(await ask("acquire", target, owner, millis(ttl), waitedFor, ...unreadable));
    },
    renew: async (target, { owner, ttl }) => isOne(await ask("renew", target, owner, millis(ttl))),
    fill: async (target, { owner, data, ttl }) =>
      isOne(await ask("fill", target, owner, data, ...expiry(ttl))),
    release: (target, { owner, outcome }) => ask("release", target, owner, outcome),
    write: (target, { data, ttl }) => ask("set", target, data, ...expiry(ttl)),
    remove: (target) => ask("delete", target),
  };
}

/** An owner may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

function rowOf(reply: unknown): Row {
  if (reply instanceof Uint8Array) return { data: reply };
  const [owner, remaining, lastOwner, outcome, replaced] = (reply as unknown[])
    .map((part) => part instanceof Uint8Array ? text.decode(part) : part);
  return {
    owner,
    remaining: Number(remaining),
    lastOwner,
    outcome,
    replaced: isOne(replaced),
  } as Row;
}

/** A client may answer with text for numbers. */
function isOne(reply: unknown): boolean {
  return Number(reply) === 1;
}

/** Redis takes whole milliseconds, from 1. */
function millis(ttl: number): number {
  return Math.min(Math.ceil(ttl), Number.MAX_SAFE_INTEGER);
}

function expiry(ttl: number | undefined): number[] {
  return ttl === undefined ? [] : [millis(ttl)];
}
