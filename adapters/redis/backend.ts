import type { Backend, EndedLease, Row, Target } from "../kit/backend.ts";
import type { RedisArgument, RedisCommands, RedisReply } from "./client.ts";
import type { RedisScripts } from "./scripts.ts";

/** Where a backend keeps what. */
export interface RedisNames {
  /** What the lease of an entry is called. */
  readonly leaseOf: (entry: string) => string;
  /** Whether there are entries, or leases alone. */
  readonly entries: boolean;
}

/** Redis, by its commands. */
export function redisBackend(
  { get, run }: RedisCommands,
  { leaseOf, entries }: RedisNames,
): Backend {
  const ask = (script: keyof RedisScripts, { name }: Target, ...args: RedisArgument[]) =>
    run(script, entries ? [leaseOf(name), name] : [leaseOf(name)], args);
  return {
    async read({ name }) {
      const data = await get(name);
      return data === null ? undefined : { data };
    },
    take: async (target, { owner, ttl, waitedFor = "", ignored }) => {
      const unreadable = ignored === undefined ? [] : [ignored.data as Uint8Array];
      const reply = await ask("acquire", target, owner, millis(ttl), waitedFor, ...unreadable);
      return rowOf(reply);
    },
    renew: async (target, { owner, ttl }) => isOne(await ask("renew", target, owner, millis(ttl))),
    fill: async (target, { owner, data, ttl }) =>
      isOne(await ask("fill", target, owner, data, ...expiry(ttl))),
    release: (target, { owner, outcome }) => ask("release", target, owner, outcome),
    write: (target, { data, ttl }) => ask("set", target, data, ...expiry(ttl)),
    remove: (target) => ask("delete", target),
  };
}

function rowOf(reply: RedisReply): Row {
  if (reply instanceof Uint8Array) return { data: reply };
  const [owner, left, last, how] = reply as [
    owner: Uint8Array | null,
    left: number | string,
    last: Uint8Array | null,
    how: Uint8Array | null,
  ];
  return {
    lease: owner ? { owner: text.decode(owner), remaining: Number(left) } : undefined,
    ended: last && how
      ? { owner: text.decode(last), outcome: text.decode(how) as EndedLease["outcome"] }
      : undefined,
  };
}

/** An owner may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** A client may answer with text for numbers. */
function isOne(reply: RedisReply): boolean {
  return Number(reply) === 1;
}

/** Redis takes whole milliseconds, from 1. */
function millis(ttl: number): number {
  return Math.min(Math.ceil(ttl), Number.MAX_SAFE_INTEGER);
}

function expiry(ttl: number | undefined): number[] {
  return ttl === undefined ? [] : [millis(ttl)];
}
