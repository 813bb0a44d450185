import { randomToken } from "../../src/model/token.ts";
import { type Backend, lifeOf, type Row, type Target, type Written } from "../kit/backend.ts";
import { remembered, shortened } from "../kit/names.ts";
import type { SqliteBackend } from "../kit/sqlite_backend.ts";
import type { KvNamespace } from "./options.ts";

/** The shortest lifetime that KV accepts, in milliseconds. */
const SHORTEST = 60_000;

/** The longest lifetime that the adapter sends, in milliseconds: 30 years. */
const LONGEST = 1e12;

/**
 * For how long D1 is to keep a value without a stale time, in milliseconds: longer than KV's reads lag. One with a stale time
 * it keeps for all of its life: who asks for the lease is to be told of it in the same step.
 */
export const LAG = 120_000;

/** What KV keeps beside a value: times are milliseconds. */
interface Kept {
  /** The end of the entry, by the Workers' own clock, since 1970; without it, there is none. */
  readonly expiresAt?: number | undefined;
  /** For how long before that it is stale. */
  readonly staleFor?: number | undefined;
  /** How long its fetch took. */
  readonly took?: number | undefined;
}

/** Keeps entries in KV; leases and just filled values in rows. */
export function kvBackend(kv: KvNamespace, rows: SqliteBackend): Backend {
  const put = ({ name }: Target, data: string | Uint8Array, kept: Kept) =>
    kv.put(nameOf(name), data, optionsOf(kept));
  const read = async ({ name }: Target): Promise<Row | undefined> => {
    const { value, metadata } = await kv.getWithMetadata(nameOf(name), "arrayBuffer");
    const { expiresAt, staleFor, took } = (metadata ?? {}) as Record<keyof Kept, unknown>;
    // An end that is no number is over.
    const isThere = expiresAt === undefined ||
      typeof expiresAt === "number" && expiresAt > Date.now();
    if (value === null || !isThere) return undefined;
    const kept = { expiresAt, staleFor: numberIn(staleFor) };
    return { data: new Uint8Array(value), freshFor: freshFor(kept), took: numberIn(took) };
  };
  /** Writes to KV what was changed in the rows by this name; removes it if something has come between the two. */
  const follow = async (target: Target, change: string, data: string | Uint8Array, kept: Kept) => {
    await put(target, data, kept);
    if (await rows.changedBy(target, change)) return true;
    await kv.delete(nameOf(target.name));
    return false;
  };
  return {
    ...rows,
    read,
    async write(target, written) {
      await rows.write(target, written);
      await put(target, written.data, keptFor(written));
    },
    async expire(target) {
      const change = randomToken();
      const stale = await rows.expireAs(target, change);
      // D1 has whatever can be stale. What KV would tell may be older than that.
      if (stale === undefined) return await kv.delete(nameOf(target.name));
      const { data, life, ...told } = stale;
      await follow(target, change, data, { expiresAt: Date.now() + life, ...told });
    },
    async remove(target) {
      await rows.remove(target);
      await kv.delete(nameOf(target.name));
    },
    async fill(target, { owner, ...written }) {
      if (!await rows.fill(target, { owner, ...written })) return false;
      return await follow(target, owner, written.data, keptFor(written));
    },
  };
}

/** For how much longer an entry is fresh; undefined for good. */
function freshFor({ expiresAt, staleFor = 0 }: Kept): number | undefined {
  return expiresAt === undefined ? undefined : expiresAt - staleFor - Date.now();
}

function keptFor(written: Written): Kept {
  const { staleFor, took } = written;
  const life = lifeOf(written);
  return { expiresAt: life === undefined ? undefined : Date.now() + life, staleFor, took };
}

function optionsOf(kept: Kept) {
  const { expiresAt, staleFor, took } = kept;
  if (expiresAt === undefined && staleFor === undefined && took === undefined) return {};
  const seconds = ((expiresAt ?? 0) - Date.now()) / 1000;
  return {
    ...expiresAt !== undefined &&
      { expirationTtl: Math.ceil(Math.min(Math.max(seconds, SHORTEST / 1000), LONGEST / 1000)) },
    metadata: kept,
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** KV takes names of up to 512 bytes, but neither `.` nor `..`. */
const nameOf = remembered((key) => shortened(key, key === "." || key === ".." ? 0 : 512));
